//! A notification as the API shows it.

use postrider_domain::{NotificationId, TenantId};
use postrider_storage::{Error, TenantTx};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::rules::{Channel, Decision, Outcome};
use crate::store::deliveries::{self, Reached};
use crate::store::notifications::Notification;

/// `{data: …}` around a single thing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Data<T> {
    pub data: T,
}

/// How far each channel is: `delivered`, `held` until the quiet hours end, `pending`, `failed`, or `skipped`; `/explain`
/// says why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeliveryStatus {
    pub in_app: String,
    pub push: String,
    pub email: String,
    pub webhook: String,
}

/// One notification. Times are milliseconds since the epoch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NotificationView {
    #[schema(value_type = String)]
    pub id: Uuid,
    pub user_id: String,
    #[schema(value_type = Option<String>)]
    pub account_id: Option<Uuid>,
    pub r#type: String,
    pub title: String,
    pub message: String,
    pub sender_email: Option<String>,
    pub sender_name: Option<String>,
    pub data: Value,
    pub is_read: bool,
    pub read_at: Option<i64>,
    pub is_archived: bool,
    pub archived_at: Option<i64>,
    pub created_at: i64,
    pub expires_at: i64,
    /// Number of its latest change in the user's sequence: what a client has already seen of the socket's events.
    pub nseq: i64,
    #[schema(value_type = Option<String>)]
    pub email_id: Option<Uuid>,
    /// Gmail's message id.
    pub message_id: Option<String>,
    pub delivery_status: DeliveryStatus,
}

/// The decisions kept with a row. A malformed list shows as empty rather than hiding the notification.
pub fn decisions(row: &Notification) -> Vec<Decision> {
    serde_json::from_value(row.decision.clone()).unwrap_or_default()
}

fn status(decisions: &[Decision], channel: Channel) -> String {
    // What was held is decided a second time.
    let latest = decisions.iter().rev().find(|decision| decision.channel == channel);
    match latest.map(|decision| decision.outcome) {
        Some(Outcome::Done) => "delivered",
        Some(Outcome::Held) => "held",
        // Until rows say more: the user has no endpoint that wants it.
        Some(Outcome::Queued | Outcome::Skipped) | None => "skipped",
    }
    .to_owned()
}

/// These rows, with what has become of their deliveries.
pub async fn shown(tx: &TenantTx, tenant: &TenantId, rows: Vec<Notification>) -> Result<Vec<NotificationView>, Error> {
    let ids: Vec<NotificationId> = rows.iter().filter(|row| is_queued(row)).map(|row| row.id).collect();
    let reached = if ids.is_empty() { Vec::new() } else { deliveries::reached(tx, tenant, &ids).await? };
    let mut views: Vec<NotificationView> = rows.into_iter().map(NotificationView::from).collect();
    for view in &mut views {
        for reached in reached.iter().filter(|reached| reached.notification.0 == view.id) {
            view.delivery_status.set(reached.channel, far(reached));
        }
    }
    Ok(views)
}

fn is_queued(row: &Notification) -> bool {
    decisions(row).iter().any(|made| made.outcome == Outcome::Queued)
}

/// One of several endpoints that failed shows; a browser that took it is enough.
fn far(reached: &Reached) -> &'static str {
    match (reached.delivered, reached.failed, reached.pending) {
        (1.., _, _) if reached.channel != Channel::Webhook => "delivered",
        (_, 0, 1..) => "pending",
        (_, 1.., _) => "failed",
        (1.., 0, _) => "delivered",
        // It was read or withdrawn before it was sent.
        _ => "skipped",
    }
}

impl DeliveryStatus {
    fn set(&mut self, channel: Channel, how: &'static str) {
        let one = match channel {
            Channel::Push => &mut self.push,
            Channel::Email => &mut self.email,
            Channel::Webhook => &mut self.webhook,
            Channel::Row | Channel::Live | Channel::Digest => return,
        };
        how.clone_into(one);
    }
}

impl From<Notification> for NotificationView {
    fn from(row: Notification) -> Self {
        let decisions = decisions(&row);
        Self {
            delivery_status: DeliveryStatus {
                in_app: status(&decisions, Channel::Live),
                push: status(&decisions, Channel::Push),
                email: status(&decisions, Channel::Email),
                webhook: status(&decisions, Channel::Webhook),
            },
            id: row.id.0,
            user_id: row.user_id.into_string(),
            account_id: row.account_id.map(|account| account.0),
            r#type: row.kind.to_string(),
            title: row.title,
            message: row.message,
            sender_email: row.sender_email,
            sender_name: row.sender_name,
            data: row.data,
            is_read: row.is_read,
            read_at: row.read_at.map(|at| at.timestamp_millis()),
            is_archived: row.is_archived,
            archived_at: row.archived_at.map(|at| at.timestamp_millis()),
            created_at: row.created_at.timestamp_millis(),
            expires_at: row.expires_at.timestamp_millis(),
            nseq: row.nseq,
            email_id: row.email_id,
            message_id: row.message_id,
        }
    }
}
