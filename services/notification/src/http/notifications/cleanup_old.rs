//! `DELETE /api/notifications/cleanup-old`: what the hourly job does, now and for the caller.

use actix_web::web::{Data as AppData, Json};
use postrider_web::{Caller, Scope};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::view::Data;
use crate::actions::Owner;
use crate::error::Error;
use crate::jobs::clean_up_user;
use crate::state::State;

/// What was done.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CleanedUp {
    /// Past their time and not archived before.
    pub archived: usize,
    /// Archived as long ago as notifications are kept.
    pub deleted: usize,
}

/// Archives what is over and deletes what was archived long ago, of the caller's own.
#[utoipa::path(
    delete, path = "/api/notifications/cleanup-old", tag = "notifications",
    responses((status = 200, body = Data<CleanedUp>), (status = 403))
)]
pub async fn handle(caller: Caller, state: AppData<State>) -> Result<Json<Data<CleanedUp>>, Error> {
    caller.require(Scope::Write)?;
    let owner = Owner { tenant: &caller.tenant, user: &caller.user, trace: Some(caller.trace) };
    let done = clean_up_user(&state.db, &state.actions, owner).await?;
    Ok(Json(Data { data: CleanedUp { archived: done.archived, deleted: done.deleted } }))
}
