//! A channel in answers. Its token is told when it is opened and never again.

use postrider_domain::{ConnectorId, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::store::channels::Channel;

/// A channel.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WatchChannel)]
pub struct ChannelAnswer {
    #[schema(value_type = String, format = "uuid")]
    channel_id: Uuid,
    #[schema(value_type = String, format = "uuid")]
    connector_id: ConnectorId,
    /// The account whose news it tells.
    email_address: String,
    /// Where notices are sent.
    url: String,
    /// The greatest number of a notice that was passed on; 0 before the first.
    last_message_number: i64,
    #[schema(value_type = Option<String>, format = "date-time")]
    last_notice_at: Option<Timestamp>,
    #[schema(value_type = String, format = "date-time")]
    created_at: Timestamp,
}

impl ChannelAnswer {
    pub fn new(channel: Channel, url: &str) -> Self {
        Self {
            channel_id: channel.id,
            connector_id: channel.connector_id,
            email_address: channel.email_address,
            url: url.to_owned(),
            last_message_number: channel.last_message_number,
            last_notice_at: channel.last_notice_at,
            created_at: channel.created_at,
        }
    }
}
