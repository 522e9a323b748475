//! `GET /api/notifications/preferences`: the values in force, defaults included.

use actix_web::web::{Data as AppData, Json};
use postrider_web::{AccountHeader, ApiQuery, Caller, Scope};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::error::Error;
use crate::http::account::{AccountParams, must_own};
use crate::http::notifications::view::Data;
use crate::rules::Preferences;
use crate::state::State;
use crate::store::preferences;

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
    get, path = "/api/notifications/preferences", tag = "preferences", params(AccountParams),
    responses((status = 200, body = Data<PreferencesView>), (status = 404))
)]
pub async fn handle(
    caller: Caller,
    query: ApiQuery<AccountParams>,
    header: AccountHeader,
    state: AppData<State>,
) -> Result<Json<Data<PreferencesView>>, Error> {
    caller.require(Scope::Read)?;
    let account = query.account(header)?;
    let tx = state.db.tenant(&caller.tenant).await?;
    must_own(&tx, &caller, account).await?;
    let effective = preferences::effective(&tx, &caller.tenant, &caller.user, account).await?;
    tx.commit().await?;
    let view = PreferencesView {
        id: effective.id,
        user_id: caller.user.into_string(),
        account_id: account.map(|account| account.0),
        values: effective.preferences,
    };
    Ok(Json(Data { data: view }))
}
