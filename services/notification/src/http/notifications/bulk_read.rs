//! `POST /api/notifications/bulk-read`.

use std::collections::BTreeSet;

use actix_web::web::{Data as AppData, Json};
use postrider_domain::NotificationId;
use postrider_web::{ApiJson, Caller, Problem, Scope, codes};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::view::Data;
use crate::actions::Owner;
use crate::error::Error;
use crate::rules::Mark;
use crate::state::State;

/// Most ids of one request.
const MAX: usize = 1_000;

/// Which ones.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = BulkRead)]
pub struct Body {
    #[schema(value_type = Vec<String>)]
    notification_ids: Vec<Uuid>,
}

/// How many were changed, of how many named.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Counted {
    /// Unread before, read now.
    pub updated: usize,
    /// Different ids in the request.
    pub total: usize,
}

/// Marks up to 1,000 notifications as read.
#[utoipa::path(
    post, path = "/api/notifications/bulk-read", tag = "notifications", request_body = Body,
    responses((status = 200, body = Data<Counted>), (status = 422))
)]
pub async fn handle(caller: Caller, body: ApiJson<Body>, state: AppData<State>) -> Result<Json<Data<Counted>>, Error> {
    caller.require(Scope::Write)?;
    if body.notification_ids.len() > MAX {
        let problem = Problem::unprocessable(codes::INVALID_REQUEST, "Too many ids.");
        return Err(problem.field("notificationIds", "at most 1000").into());
    }
    let ids: BTreeSet<NotificationId> = body.notification_ids.iter().copied().map(NotificationId).collect();
    let total = ids.len();
    if ids.is_empty() {
        return Ok(Json(Data { data: Counted { updated: 0, total } }));
    }
    let ids: Vec<NotificationId> = ids.into_iter().collect();
    let owner = Owner { tenant: &caller.tenant, user: &caller.user, trace: Some(caller.trace) };
    let mut tx = state.db.tenant(owner.tenant).await?;
    let updated = state.actions.mark(&mut tx, owner, &ids, Mark::Read).await?.len();
    tx.commit().await?;
    Ok(Json(Data { data: Counted { updated, total } }))
}
