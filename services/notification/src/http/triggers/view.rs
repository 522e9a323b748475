//! Triggers as the API shows them.

use postrider_domain::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::store::triggers::{Fire, Trigger};

/// A way a user is told beside the event; programs are told by webhook endpoints that want `trigger.fired`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "channel", rename_all = "snake_case", deny_unknown_fields)]
pub enum Deliver {
    InApp {},
}

/// A trigger.
#[derive(Debug, Serialize, ToSchema)]
pub struct TriggerView {
    #[schema(value_type = String)]
    pub id: Uuid,
    pub name: String,
    pub enabled: bool,
    pub r#type: String,
    pub config: Value,
    pub deliver: Vec<Deliver>,
    #[schema(value_type = String)]
    pub created_at: Timestamp,
    #[schema(value_type = String)]
    pub updated_at: Timestamp,
}

impl From<Trigger> for TriggerView {
    fn from(row: Trigger) -> Self {
        Self {
            id: row.id,
            name: row.name,
            enabled: row.enabled,
            r#type: "email".to_owned(),
            config: row.config,
            deliver: if row.in_app { vec![Deliver::InApp {}] } else { Vec::new() },
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// What it has set off.
#[derive(Debug, Serialize, ToSchema)]
pub struct FireView {
    /// Id of the event `trigger.fired`.
    #[schema(value_type = String)]
    pub id: Uuid,
    #[schema(value_type = String)]
    pub connector_id: Uuid,
    pub message_id: String,
    pub email_id: String,
    #[schema(value_type = String)]
    pub fired_at: Timestamp,
}

impl From<Fire> for FireView {
    fn from(row: Fire) -> Self {
        Self {
            id: row.id,
            connector_id: row.account_id.0,
            message_id: row.message_id,
            email_id: row.email_id,
            fired_at: row.created_at,
        }
    }
}
