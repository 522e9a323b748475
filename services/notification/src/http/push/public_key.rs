//! `GET /api/notifications/push/public-key`.

use actix_web::web::{Data as AppData, Json};
use postrider_web::{Caller, Scope};
use serde::Serialize;
use utoipa::ToSchema;

use super::not_configured;
use crate::error::Error;
use crate::http::notifications::view::Data;
use crate::state::State;

/// The key to subscribe with.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PublicKey {
    /// A point of P-256 in base64url: `applicationServerKey` of `PushManager.subscribe`.
    pub public_key: String,
}

/// The key that a browser subscribes to pushes with.
#[utoipa::path(
    get, path = "/api/notifications/push/public-key", tag = "push",
    responses((status = 200, body = Data<PublicKey>), (status = 503))
)]
pub async fn handle(caller: Caller, state: AppData<State>) -> Result<Json<Data<PublicKey>>, Error> {
    caller.require(Scope::Read)?;
    let public_key = state.engine.vapid.public().ok_or_else(not_configured)?.to_owned();
    Ok(Json(Data { data: PublicKey { public_key } }))
}
