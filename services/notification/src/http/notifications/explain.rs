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
use crate::rules::webhook::DeliveryState;
use crate::rules::{Channel, Decision};
use crate::state::State;
use crate::store::deliveries::Delivery;
use crate::store::{deliveries, notifications, suppressions};

/// Why a notification is as it is, or why there is none.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    #[schema(value_type = String)]
    pub id: Uuid,
    pub r#type: String,
    /// One for each channel, as they were taken.
    pub decisions: Vec<Decision>,
    /// What has become of what was queued, oldest first: it is decided once more when it is sent.
    pub deliveries: Vec<Outgoing>,
}

/// One message on its way out.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ExplainedDelivery)]
pub struct Outgoing {
    pub channel: Channel,
    pub state: DeliveryState,
    /// Why it was not sent, or not yet: `read_already`, `channel_off`, `quiet_hours`, `told_together`, `turned_spam`,
    /// `no_address`, `timeout`, `status`, …
    pub reason: Option<String>,
    pub attempts: i32,
    /// Of the latest attempt, in milliseconds since the epoch.
    pub attempted_at: Option<i64>,
}

impl From<Delivery> for Outgoing {
    fn from(row: Delivery) -> Self {
        let attempted_at = row.attempted_at.map(|at| at.timestamp_millis());
        Self { channel: row.channel, state: row.state, reason: row.error, attempts: row.attempts, attempted_at }
    }
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
        Some(row) => {
            let sent = deliveries::of_notification(&tx, &caller.tenant, row.id).await?;
            let deliveries = sent.into_iter().map(Outgoing::from).collect();
            let decisions = decisions(&row);
            Some(Explanation { id: row.id.0, r#type: row.kind.to_string(), decisions, deliveries })
        }
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
        deliveries: Vec::new(),
    }))
}
