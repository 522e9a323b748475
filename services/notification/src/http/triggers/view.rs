//! Triggers as the API shows them.

use postrider_domain::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::channels::webhook::WebhookSecret;
use crate::rules::preferences::Way;
use crate::rules::trigger::TriggerType;
use crate::store::triggers::{Fire, Trigger};

/// A way a user is told beside the event; programs are told by webhook endpoints that want `trigger.fired`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "channel", rename_all = "snake_case", deny_unknown_fields)]
pub enum Deliver {
    /// A notification, which goes out by the channels that its user has chosen.
    InApp {},
    /// The same, and by mail in any case.
    Email {},
    /// The same, and to the user's browsers in any case.
    Push {},
    /// The same, and as `notification.created` to the user's webhook endpoints in any case.
    Webhook {},
}

impl Deliver {
    fn way(self) -> Way {
        match self {
            Self::InApp {} => Way::InApp,
            Self::Email {} => Way::Email,
            Self::Push {} => Way::Push,
            Self::Webhook {} => Way::Webhook,
        }
    }

    fn of(way: Way) -> Self {
        match way {
            Way::InApp => Self::InApp {},
            Way::Email => Self::Email {},
            Way::Push => Self::Push {},
            Way::Webhook => Self::Webhook {},
        }
    }

    /// As it is kept: whether a notification is written for the app, and the further channels, each once.
    pub(super) fn kept(deliver: &[Self]) -> (bool, Vec<String>) {
        let mut also: Vec<String> = deliver.iter().map(|one| one.way().to_string()).collect();
        also.sort_unstable();
        also.dedup();
        let in_app = also.iter().any(|name| name == Way::InApp.as_str());
        also.retain(|name| name != Way::InApp.as_str());
        (in_app, also)
    }
}

/// A trigger.
#[derive(Debug, Serialize, ToSchema)]
pub struct TriggerView {
    #[schema(value_type = String)]
    pub id: Uuid,
    pub name: String,
    pub enabled: bool,
    pub r#type: TriggerType,
    pub config: Value,
    pub deliver: Vec<Deliver>,
    #[schema(value_type = String)]
    pub created_at: Timestamp,
    #[schema(value_type = String)]
    pub updated_at: Timestamp,
    /// Until when requests signed with the former secret are taken too.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub old_secret_until: Option<Timestamp>,
    /// Of type `webhook`: what requests are signed with. Shown when it is made and when it is changed, and never again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

impl TriggerView {
    /// With its secret.
    pub(super) fn with(self, secret: &WebhookSecret) -> Self {
        Self { secret: Some(secret.text().expose().to_owned()), ..self }
    }
}

impl From<Trigger> for TriggerView {
    fn from(row: Trigger) -> Self {
        Self {
            id: row.id,
            name: row.name,
            enabled: row.enabled,
            r#type: row.kind,
            config: row.config,
            deliver: {
                let further = row.also.iter().filter_map(|name| name.parse().ok());
                row.in_app.then_some(Way::InApp).into_iter().chain(further).map(Deliver::of).collect()
            },
            created_at: row.created_at,
            updated_at: row.updated_at,
            old_secret_until: row.old_secret_until,
            secret: None,
        }
    }
}

/// What it has set off.
#[derive(Debug, Serialize, ToSchema)]
pub struct FireView {
    /// Id of the event `trigger.fired`.
    #[schema(value_type = String)]
    pub id: Uuid,
    /// Of a mail.
    #[schema(value_type = Option<String>)]
    pub connector_id: Option<Uuid>,
    pub message_id: Option<String>,
    pub email_id: Option<String>,
    /// `webhook-id` of a request.
    pub request_id: Option<String>,
    #[schema(value_type = String)]
    pub fired_at: Timestamp,
}

impl From<Fire> for FireView {
    fn from(row: Fire) -> Self {
        Self {
            id: row.id,
            connector_id: row.account_id.map(|account| account.0),
            message_id: row.message_id,
            email_id: row.email_id,
            request_id: row.request_id,
            fired_at: row.created_at,
        }
    }
}
