//! `GET /api/notifications/stats`.

use std::collections::BTreeMap;

use actix_web::web::{Data as AppData, Json};
use postrider_web::{AccountHeader, ApiQuery, Caller, Scope};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::view::Data;
use crate::error::Error;
use crate::http::account::{AccountParams, must_own};
use crate::state::State;
use crate::store::notifications;

/// The caller's counts.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Stats {
    pub total: i64,
    /// Unread and not archived.
    pub unread: i64,
    pub archived: i64,
    pub by_type: BTreeMap<String, i64>,
}

/// How many notifications there are, unread, archived, by type.
#[utoipa::path(
    get, path = "/api/notifications/stats", tag = "notifications", params(AccountParams),
    responses((status = 200, body = Data<Stats>), (status = 404), (status = 422))
)]
pub async fn handle(
    caller: Caller,
    query: ApiQuery<AccountParams>,
    header: AccountHeader,
    state: AppData<State>,
) -> Result<Json<Data<Stats>>, Error> {
    caller.require(Scope::Read)?;
    let account = query.account(header)?;
    let tx = state.db.tenant(&caller.tenant).await?;
    must_own(&tx, &caller, account).await?;
    let counts = notifications::stats(&tx, &caller.tenant, &caller.user, account).await?;
    tx.commit().await?;
    Ok(Json(Data {
        data: Stats {
            total: counts.iter().map(|count| count.total).sum(),
            unread: counts.iter().map(|count| count.unread).sum(),
            archived: counts.iter().map(|count| count.archived).sum(),
            by_type: counts.into_iter().map(|count| (count.kind.to_string(), count.total)).collect(),
        },
    }))
}
