//! `POST /api/notifications/{id}/read`, `/unread`, `/archive`. Doing it again changes nothing and answers the same.

use actix_web::web::{Data as AppData, Json};
use postrider_domain::NotificationId;
use postrider_web::{Caller, PathId, Scope};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::view::Data;
use crate::actions::Owner;
use crate::error::Error;
use crate::rules::Mark;
use crate::state::State;
use crate::store::notifications::{self, Notification};

/// Read state of a notification.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReadState {
    #[schema(value_type = String)]
    pub id: Uuid,
    pub is_read: bool,
    pub read_at: Option<i64>,
}

/// Archive state of a notification.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ArchiveState {
    #[schema(value_type = String)]
    pub id: Uuid,
    pub is_archived: bool,
    pub archived_at: Option<i64>,
}

/// Marks a notification as read.
#[utoipa::path(
    post, path = "/api/notifications/{id}/read", tag = "notifications", params(("id" = String, Path)),
    responses((status = 200, body = Data<ReadState>), (status = 404))
)]
pub async fn read(
    caller: Caller,
    id: PathId<NotificationId>,
    state: AppData<State>,
) -> Result<Json<Data<ReadState>>, Error> {
    mark(&caller, *id, &state, Mark::Read).await.map(read_state)
}

/// Marks a notification as unread.
#[utoipa::path(
    post, path = "/api/notifications/{id}/unread", tag = "notifications", params(("id" = String, Path)),
    responses((status = 200, body = Data<ReadState>), (status = 404))
)]
pub async fn unread(
    caller: Caller,
    id: PathId<NotificationId>,
    state: AppData<State>,
) -> Result<Json<Data<ReadState>>, Error> {
    mark(&caller, *id, &state, Mark::Unread).await.map(read_state)
}

/// Archives a notification.
#[utoipa::path(
    post, path = "/api/notifications/{id}/archive", tag = "notifications", params(("id" = String, Path)),
    responses((status = 200, body = Data<ArchiveState>), (status = 404))
)]
pub async fn archive(
    caller: Caller,
    id: PathId<NotificationId>,
    state: AppData<State>,
) -> Result<Json<Data<ArchiveState>>, Error> {
    let row = mark(&caller, *id, &state, Mark::Archived).await?;
    let archived_at = row.archived_at.map(|at| at.timestamp_millis());
    Ok(Json(Data { data: ArchiveState { id: row.id.0, is_archived: row.is_archived, archived_at } }))
}

async fn mark(caller: &Caller, id: NotificationId, state: &State, how: Mark) -> Result<Notification, Error> {
    caller.require(Scope::Write)?;
    let owner = Owner { tenant: &caller.tenant, user: &caller.user, trace: Some(caller.trace) };
    let mut tx = state.db.tenant(owner.tenant).await?;
    state.actions.mark(&mut tx, owner, &[id], how).await?;
    let row = notifications::find(&tx, owner.tenant, owner.user, id).await?;
    tx.commit().await?;
    row.ok_or_else(Error::not_found)
}

fn read_state(row: Notification) -> Json<Data<ReadState>> {
    let read_at = row.read_at.map(|at| at.timestamp_millis());
    Json(Data { data: ReadState { id: row.id.0, is_read: row.is_read, read_at } })
}
