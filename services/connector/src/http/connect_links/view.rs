//! A link in answers. Its address is told when it is made and never again.

use postrider_domain::{ConnectorId, Timestamp, UserId};
use serde::Serialize;
use utoipa::ToSchema;

use crate::rules::link;
use crate::store::connect_links::Link;

/// A link.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ConnectLink)]
pub struct LinkAnswer {
    #[schema(value_type = String, format = "uuid")]
    id: uuid::Uuid,
    /// Whose connector it makes or renews.
    #[schema(value_type = String)]
    user_id: UserId,
    /// Who made it; null: a mail about a lost grant.
    #[schema(value_type = Option<String>)]
    asked_by: Option<UserId>,
    #[schema(value_type = Option<String>, format = "uuid")]
    connector_id: Option<ConnectorId>,
    /// The account it connects; empty once that was erased.
    email: String,
    return_to: Option<String>,
    /// `live`, `used`, `revoked`, `expired`.
    state: &'static str,
    #[schema(value_type = String, format = "date-time")]
    expires_at: Timestamp,
    #[schema(value_type = Option<String>, format = "date-time")]
    used_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = "date-time")]
    revoked_at: Option<Timestamp>,
    #[schema(value_type = String, format = "date-time")]
    created_at: Timestamp,
}

impl LinkAnswer {
    pub fn new(link: Link, now: Timestamp) -> Self {
        let state = link::state(&link, now).as_str();
        Self {
            id: link.id,
            user_id: link.user_id,
            asked_by: link.asked_by,
            connector_id: link.connector_id,
            email: link.email_address,
            return_to: link.return_to,
            state,
            expires_at: link.expires_at,
            used_at: link.used_at,
            revoked_at: link.revoked_at,
            created_at: link.created_at,
        }
    }
}
