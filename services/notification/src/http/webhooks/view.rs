//! Endpoints and deliveries as the API shows them.

use postrider_domain::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::rules::webhook::{DeliveryState, DisabledReason, EndpointStatus};
use crate::store::deliveries::Delivery;
use crate::store::endpoints::Endpoint;

/// An endpoint. Its secret is shown when it is made and when it is changed, and never again.
#[derive(Debug, Serialize, ToSchema)]
pub struct EndpointView {
    #[schema(value_type = String)]
    pub id: Uuid,
    pub url: String,
    /// Empty: all.
    pub event_types: Vec<String>,
    /// Null: all.
    #[schema(value_type = Option<Vec<String>>)]
    pub account_ids: Option<Vec<Uuid>>,
    pub include_content: bool,
    pub whole_tenant: bool,
    pub status: EndpointStatus,
    pub disabled_reason: Option<DisabledReason>,
    #[schema(value_type = Option<String>)]
    pub disabled_at: Option<Timestamp>,
    /// Since when nothing was accepted.
    #[schema(value_type = Option<String>)]
    pub failing_since: Option<Timestamp>,
    /// Until when the former secret signs too.
    #[schema(value_type = Option<String>)]
    pub old_secret_until: Option<Timestamp>,
    #[schema(value_type = String)]
    pub created_at: Timestamp,
    #[schema(value_type = String)]
    pub updated_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

impl From<Endpoint> for EndpointView {
    fn from(row: Endpoint) -> Self {
        Self {
            id: row.id,
            url: row.url,
            event_types: row.event_types,
            account_ids: row.account_ids,
            include_content: row.include_content,
            whole_tenant: row.whole_tenant,
            status: row.status,
            disabled_reason: row.disabled_reason,
            disabled_at: row.disabled_at,
            failing_since: row.failing_since,
            old_secret_until: row.old_secret_until,
            created_at: row.created_at,
            updated_at: row.updated_at,
            secret: None,
        }
    }
}

/// A delivery.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeliveryView {
    #[schema(value_type = String)]
    pub id: Uuid,
    /// `webhook-id` of all its attempts.
    #[schema(value_type = String)]
    pub event_id: Uuid,
    pub event_type: String,
    #[schema(value_type = Option<String>)]
    pub account_id: Option<Uuid>,
    /// Its place in the account's feed.
    pub seq: Option<i64>,
    #[schema(value_type = Option<String>)]
    pub notification_id: Option<Uuid>,
    pub state: DeliveryState,
    pub attempts: i32,
    /// Null while its endpoint is disabled, and at the end.
    #[schema(value_type = Option<String>)]
    pub next_attempt_at: Option<Timestamp>,
    /// What the last attempt was answered.
    pub status_code: Option<i32>,
    /// A stable word: what went wrong last.
    pub error: Option<String>,
    #[schema(value_type = Option<String>)]
    pub attempted_at: Option<Timestamp>,
    #[schema(value_type = Option<String>)]
    pub delivered_at: Option<Timestamp>,
    #[schema(value_type = String)]
    pub created_at: Timestamp,
}

impl From<Delivery> for DeliveryView {
    fn from(row: Delivery) -> Self {
        Self {
            id: row.id,
            event_id: row.event_id,
            event_type: row.kind,
            account_id: row.account_id.map(|account| account.0),
            seq: row.seq,
            notification_id: row.notification.map(|id| id.0),
            state: row.state,
            attempts: row.attempts,
            next_attempt_at: row.due_at,
            status_code: row.status_code,
            error: row.error,
            attempted_at: row.attempted_at,
            delivered_at: row.delivered_at,
            created_at: row.created_at,
        }
    }
}
