//! A subscription as the API shows it: without the keys.

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::store::push_subscriptions::Subscription;

/// A browser that takes pushes. Times are milliseconds since the epoch.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SubscriptionView {
    #[schema(value_type = String)]
    pub id: Uuid,
    pub endpoint: String,
    /// When it ends by its browser's own word.
    pub expiration_time: Option<i64>,
    /// Whether it was made with the key in force; with another one the browser should subscribe anew.
    pub current_key: bool,
    pub created_at: i64,
    pub updated_at: i64,
}

impl SubscriptionView {
    /// With the key in force.
    pub fn of(row: Subscription, public: Option<&str>) -> Self {
        Self {
            current_key: public == Some(row.server_key.as_str()),
            id: row.id,
            endpoint: row.endpoint,
            expiration_time: row.expires_at.map(|at| at.timestamp_millis()),
            created_at: row.created_at.timestamp_millis(),
            updated_at: row.updated_at.timestamp_millis(),
        }
    }
}
