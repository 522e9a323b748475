//! Ids in paths: what is no id, or an id of nothing, is 404.

use super::bodies;
use super::operations::Operation;
use super::row::{Body, Row};
use super::stage::Stage;

/// The last one is well-formed and names nothing.
const BAD: [&str; 6] = ["42", "not-an-id", "%00", "..%2f..%2fetc", "%ff%fe", "00000000-0000-7000-8000-000000000000"];

/// The path with each bad id, and everything else as it should be.
pub fn rows(operation: &Operation, stage: &Stage) -> Vec<Row> {
    if !operation.path.contains('{') {
        return Vec::new();
    }
    let fill = |id: &str| {
        let parts = operation.path.split('/').map(|part| if part.starts_with('{') { id } else { part });
        parts.collect::<Vec<_>>().join("/")
    };
    let row = |id: &&str| {
        let row = Row::new(operation.method.clone(), fill(id), &[404], "a bad id");
        let body = bodies::good(operation, stage).or_else(|| operation.takes_json.then(|| serde_json::json!({})));
        row.with(body.map_or(Body::None, Body::Json))
    };
    BAD.iter().map(row).collect()
}

/// The path with ids of the stage's own things.
pub fn real(path: &str, stage: &Stage) -> String {
    let connector = stage.account.connector.to_string();
    let id = match path {
        path if path.starts_with("/api/connectors/{") => &connector,
        path if path.starts_with("/api/v1/emails/{") => &stage.email,
        path if path.starts_with("/api/v1/sync-runs/{") => &stage.run,
        // Open ones: what they name is whatever a stranger guesses.
        path if path.starts_with("/api/notifications/unsubscribe/{") => &stage.thread,
        path if path.starts_with("/api/notifications/addresses/{") => &stage.thread,
        path if path.starts_with("/api/notifications/push/subscriptions/{") => &stage.subscription,
        path if path.starts_with("/api/notifications/{") => &stage.notification,
        path if path.starts_with("/api/v1/connectors/{") => &connector,
        path if path.starts_with("/api/v1/threads/{") => &stage.thread,
        path if path.starts_with("/api/v1/api-keys/{") => &stage.api_key,
        path if path.starts_with("/api/v1/connect-links/{") => &stage.link,
        path if path.starts_with("/api/v1/gmail/watch/channels/{") => &stage.channel,
        path if path.starts_with("/api/v1/webhook-endpoints/{") => &stage.endpoint,
        path if path.starts_with("/api/triggers/{") => &stage.trigger,
        // An open one: what it names is whatever a stranger guesses.
        path if path.starts_with("/connect/{") => &stage.thread,
        path => {
            assert!(!path.contains('{'), "{path}: say here which id is a real one");
            return path.to_owned();
        }
    };
    path.split('/').map(|part| if part.starts_with('{') { id.as_str() } else { part }).collect::<Vec<_>>().join("/")
}
