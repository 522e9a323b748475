//! `GET /api/notifications/stats`.

use std::collections::BTreeMap;

use actix_web::web::{Data as AppData, Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use web::{Caller, Scope};

use super::view::Data;
use crate::error::Error;
use crate::state::State;
use crate::store::list;

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

#[utoipa::path(
    get, path = "/api/notifications/stats", tag = "notifications",
    responses((status = 200, body = Data<Stats>))
)]
pub async fn handle(caller: Caller, state: AppData<State>) -> Result<Json<Data<Stats>>, Error> {
    caller.require(Scope::Read)?;
    let mut tx = state.db.tenant(&caller.tenant).await?;
    let counts = list::stats(&mut tx, &caller.tenant, &caller.user).await?;
    tx.commit().await?;
    Ok(Json(Data {
        data: Stats {
            total: counts.iter().map(|count| count.total).sum(),
            unread: counts.iter().map(|count| count.unread).sum(),
            archived: counts.iter().map(|count| count.archived).sum(),
            by_type: counts.into_iter().map(|count| (count.kind, count.total)).collect(),
        },
    }))
}
