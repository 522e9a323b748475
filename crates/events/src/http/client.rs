//! The consumer's side.

use crate::streams::{EventSource, PullError, StreamHead};
use async_trait::async_trait;
use chrono::SecondsFormat;
use postrider_contracts::Envelope;
use postrider_domain::Timestamp;

use super::wire::{EventPage, StreamPage};
use postrider_web::client::{Call, ClientError, ServiceClient};

/// A producer reached over HTTP.
#[derive(Debug, Clone)]
pub struct HttpEventSource(ServiceClient);

impl HttpEventSource {
    /// The events of the service that `client` calls.
    pub fn new(client: ServiceClient) -> Self {
        Self(client)
    }
}

#[async_trait]
impl EventSource for HttpEventSource {
    async fn events(&self, stream: &str, after: i64, limit: usize) -> Result<Vec<Envelope>, PullError> {
        let query = [("stream", stream.to_owned()), ("after", after.to_string()), ("limit", limit.to_string())];
        let page: EventPage =
            self.0.get(&Call::default(), "/internal/events", &query).await.map_err(|error| self.pull_error(&error))?;
        let events = page.data.into_iter().map(|event| Envelope::try_from(event).map_err(|e| PullError(e.to_string())));
        events.collect()
    }

    async fn changed_since(&self, since: Timestamp, limit: usize) -> Result<Vec<StreamHead>, PullError> {
        let since = since.to_rfc3339_opts(SecondsFormat::Micros, true);
        let query = [("changed_since", since), ("limit", limit.to_string())];
        let page: StreamPage =
            self.0.get(&Call::default(), "/internal/streams", &query).await.map_err(|error| self.pull_error(&error))?;
        Ok(page.data)
    }
}

impl HttpEventSource {
    fn pull_error(&self, error: &ClientError) -> PullError {
        PullError(format!("{}: {error}", self.0.callee()))
    }
}
