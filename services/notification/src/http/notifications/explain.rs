//! `GET /api/notifications/{id}/explain`.

use actix_web::web::{Data as AppData, Json};
use postrider_domain::NotificationId;
use postrider_web::{Caller, PathId, Scope};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::view::{Data, decisions};
use crate::error::Error;
use crate::rules::Decision;
use crate::state::State;
use crate::store::notifications;

/// Why a notification is as it is.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    #[schema(value_type = String)]
    pub id: Uuid,
    pub r#type: String,
    /// One for each channel, as they were taken.
    pub decisions: Vec<Decision>,
}

/// Why a notification was raised and sent as it was, decision by decision.
#[utoipa::path(
    get, path = "/api/notifications/{id}/explain", tag = "notifications", params(("id" = String, Path)),
    responses((status = 200, body = Data<Explanation>), (status = 404))
)]
pub async fn handle(
    caller: Caller,
    id: PathId<NotificationId>,
    state: AppData<State>,
) -> Result<Json<Data<Explanation>>, Error> {
    caller.require(Scope::Read)?;
    let tx = state.db.tenant(&caller.tenant).await?;
    let row = notifications::find(&tx, &caller.tenant, &caller.user, *id).await?;
    tx.commit().await?;
    let row = row.ok_or_else(Error::not_found)?;
    let decisions = decisions(&row);
    Ok(Json(Data { data: Explanation { id: row.id.0, r#type: row.kind.to_string(), decisions } }))
}
