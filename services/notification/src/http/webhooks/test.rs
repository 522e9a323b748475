//! `POST /api/v1/webhook-endpoints/{id}/test`: sends a signed message now and says what came of it. Nothing is kept.

use actix_web::web::{Data, Json};
use postrider_web::{Caller, PathId, Scope};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::lock_own;
use crate::deliveries::test_body;
use crate::error::Error;
use crate::state::State;

/// What the endpoint made of it.
#[derive(Debug, Serialize, ToSchema)]
pub struct Tested {
    pub delivered: bool,
    /// Of its answer, if there was one.
    pub status_code: Option<i32>,
    /// A stable word: `timeout`, `connection_failed`, `name_not_found`, `address_refused` (webhooks may not go there),
    /// `redirect_refused`, `status`, …
    pub error: Option<String>,
}

/// Sends a test event and tells how it went.
#[utoipa::path(
    post, path = "/api/v1/webhook-endpoints/{id}/test", tag = "webhooks", params(("id" = String, Path)),
    responses((status = 200, body = Tested), (status = 404))
)]
pub async fn handle(caller: Caller, id: PathId<Uuid>, state: Data<State>) -> Result<Json<Tested>, Error> {
    caller.require(Scope::Write)?;
    let tx = state.db.tenant(&caller.tenant).await?;
    let one = lock_own(&tx, &caller, *id).await?;
    tx.commit().await?;
    let id = state.seams.ids.uuid();
    let body = test_body(id, state.seams.clock.now())?;
    let attempt = state.engine.attempt(&one, id.to_string(), body).await;
    let error = attempt.error().map(str::to_owned);
    Ok(Json(Tested { delivered: attempt.accepted(), status_code: attempt.status(), error }))
}
