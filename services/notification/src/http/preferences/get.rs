//! `GET /api/notifications/preferences`: the values in force, defaults included.

use actix_web::web::{Data as AppData, Json};
use postrider_web::{AccountHeader, ApiQuery, Caller, Scope};

use super::PreferencesView;
use crate::error::Error;
use crate::http::account::{AccountParams, must_own};
use crate::http::notifications::view::Data;
use crate::state::State;
use crate::store::preferences;

/// The preferences that hold, of an account or the user's defaults.
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
    Ok(Json(Data { data: PreferencesView::new(caller.user, account, effective) }))
}
