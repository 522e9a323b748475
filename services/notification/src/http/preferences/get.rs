//! `GET /api/notifications/preferences`: the values in force, defaults included.

#![expect(unused_qualifications, reason = "in the code utoipa makes of `params`")]

use actix_web::web::{Data as AppData, Json};
use domain::ConnectorId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;
use web::{ApiQuery, Caller, Scope};

use crate::error::Error;
use crate::http::notifications::view::Data;
use crate::rules::Preferences;
use crate::state::State;
use crate::store::{accounts, preferences};

/// Whose.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PreferenceParams {
    /// One account's; without it the user's defaults.
    #[serde(default)]
    #[param(value_type = Option<String>)]
    connector_id: Option<Uuid>,
}

/// Effective preferences.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PreferencesView {
    /// Null while nothing was ever set.
    #[schema(value_type = Option<String>)]
    pub id: Option<Uuid>,
    pub user_id: String,
    #[schema(value_type = Option<String>)]
    pub account_id: Option<Uuid>,
    #[serde(flatten)]
    pub values: Preferences,
}

#[utoipa::path(
    get, path = "/api/notifications/preferences", tag = "preferences", params(PreferenceParams),
    responses((status = 200, body = Data<PreferencesView>), (status = 404))
)]
pub async fn handle(
    caller: Caller,
    query: ApiQuery<PreferenceParams>,
    state: AppData<State>,
) -> Result<Json<Data<PreferencesView>>, Error> {
    caller.require(Scope::Read)?;
    let account = query.connector_id.map(ConnectorId);
    let mut tx = state.db.tenant(&caller.tenant).await?;
    if let Some(account) = account {
        let known = accounts::find(&mut tx, &caller.tenant, account).await?;
        if known.is_none_or(|known| known.owner != caller.user) {
            return Err(Error::not_found());
        }
    }
    let effective = preferences::effective(&mut tx, &caller.tenant, &caller.user, account).await?;
    tx.commit().await?;
    let view = PreferencesView {
        id: effective.id,
        user_id: caller.user.into_string(),
        account_id: query.connector_id,
        values: effective.preferences,
    };
    Ok(Json(Data { data: view }))
}
