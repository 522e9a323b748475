//! `GET /api/notifications/{id}/explain`.

use actix_web::web::{Data as AppData, Json};
use postrider_domain::{EventId, NotificationId, TenantId, UserId};
use postrider_storage::TenantTx;
use postrider_web::{Caller, PathId, Scope};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::view::{Data, decisions};
use crate::error::Error;
use crate::rules::Decision;
use crate::state::State;
use crate::store::{notifications, suppressions};

/// Why a notification is as it is, or why there is none.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    #[schema(value_type = String)]
    pub id: Uuid,
    pub r#type: String,
    /// One for each channel, as they were taken.
    pub decisions: Vec<Decision>,
}

/// Why a notification was raised and sent as it was, decision by decision. With the `id` of an entry of the event feed:
/// why that event raised none.
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
    let found = match notifications::find(&tx, &caller.tenant, &caller.user, *id).await? {
        Some(row) => Some(Explanation { id: row.id.0, r#type: row.kind.to_string(), decisions: decisions(&row) }),
        None => withheld(&tx, &caller.tenant, &caller.user, EventId(id.0.0)).await?,
    };
    tx.commit().await?;
    found.map(|data| Json(Data { data })).ok_or_else(Error::not_found)
}

async fn withheld(
    tx: &TenantTx,
    tenant: &TenantId,
    user: &UserId,
    event: EventId,
) -> Result<Option<Explanation>, Error> {
    let kept = suppressions::find(tx, tenant, user, event).await?;
    Ok(kept.map(|kept| Explanation {
        id: event.0,
        r#type: kept.kind.to_string(),
        decisions: serde_json::from_value(kept.decision).into_iter().collect(),
    }))
}
