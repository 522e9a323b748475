//! The operations of the merged document.

use std::collections::BTreeSet;
use std::fmt;

use reqwest::Method;
use serde_json::{Value, json};

/// One method of one path.
pub struct Operation {
    pub method: Method,
    pub path: String,
    /// Documented to need no token.
    pub open: bool,
    /// Name and schema of each query parameter.
    pub query: Vec<(String, Value)>,
    /// Takes a JSON body.
    pub takes_json: bool,
    /// The body may be left out.
    pub body_optional: bool,
    schema: Value,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

/// What clients rely on, by the API's reference. The rest of the tests goes by what the document lists; without this list
/// a route that vanished from services and document alike would vanish from the tests too. A new route is added here.
const PROMISED: &[&str] = &[
    "GET /gmail/auth/url",
    "GET /gmail/auth/callback",
    "POST /gmail/auth/callback",
    "POST /api/auth/google/gmail",
    "GET /api/connectors",
    "POST /api/connectors",
    "GET /api/connectors/{connector_id}",
    "PATCH /api/connectors/{connector_id}",
    "DELETE /api/connectors/{connector_id}",
    "GET /api/v1/connect-links",
    "POST /api/v1/connect-links",
    "DELETE /api/v1/connect-links/{link_id}",
    "GET /connect/{token}",
    "POST /connect/{token}",
    "GET /api/system/info",
    "POST /api/v1/gmail/watch/start",
    "POST /api/v1/gmail/watch/stop",
    "GET /api/v1/gmail/watch/history",
    "POST /api/v1/gmail/watch/poll",
    "GET /api/v1/gmail/watch/queue",
    "POST /api/v1/gmail/watch/queue/process",
    "POST /api/v1/gmail/watch/channels",
    "GET /api/v1/gmail/watch/channels",
    "DELETE /api/v1/gmail/watch/channels/{channel_id}",
    "POST /api/email/webhook/google/pubsub",
    "POST /api/email/webhook/google",
    "POST /api/v1/gmail/watch/webhook",
    "POST /gmail/sync/deleted",
    "POST /gmail/sync",
    "GET /gmail/stats",
    "GET /gmail/health",
    "GET /api/system/email-monitor/status",
    "POST /api/system/email-monitor/start",
    "POST /api/system/email-monitor/stop",
    "POST /api/system/email-monitor/poll-now",
    "GET /api/v1/sync-runs",
    "GET /api/v1/sync-runs/{id}",
    "GET /api/v1/emails",
    "GET /api/v1/emails/{id}",
    "GET /api/v1/emails/{id}/raw",
    "GET /api/v1/emails/{id}/attachments/{attachment_id}",
    "POST /api/v1/emails/processed",
    "POST /api/v1/emails/{id}/processed",
    "PUT /api/v1/emails/{id}/references/{kind}/{ref}",
    "DELETE /api/v1/emails/{id}/references/{kind}/{ref}",
    "GET /api/v1/threads/{thread_id}",
    "GET /api/v1/labels",
    "GET /api/v1/api-keys",
    "POST /api/v1/api-keys",
    "DELETE /api/v1/api-keys/{id}",
    "POST /api/v1/tokens",
    "GET /api/v1/audit-log",
    "GET /api/v1/connectors/{id}/export",
    "GET /api/v1/connectors/{id}/ledger",
    "POST /api/v1/connectors/{id}/parked/retry",
    "POST /api/v1/connectors/{id}/audit",
    "GET /api/notifications",
    "POST /api/notifications",
    "POST /api/notifications/bulk-read",
    "GET /api/notifications/stats",
    "GET /api/notifications/preferences",
    "PUT /api/notifications/preferences",
    "POST /api/notifications/preferences/silence",
    "POST /api/notifications/preferences/unsilence",
    "POST /api/notifications/preferences/simulate",
    "DELETE /api/notifications/cleanup-old",
    "GET /api/notifications/{id}",
    "POST /api/notifications/{id}/read",
    "POST /api/notifications/{id}/unread",
    "POST /api/notifications/{id}/archive",
    "GET /api/notifications/{id}/explain",
    "GET /api/notifications/digests",
    "POST /api/notifications/digests/send",
    "GET /api/notifications/unsubscribe/{token}",
    "POST /api/notifications/unsubscribe/{token}",
    "POST /api/notifications/addresses",
    "GET /api/notifications/addresses/{token}",
    "POST /api/notifications/addresses/{token}",
    "GET /api/notifications/push/public-key",
    "GET /api/notifications/push/subscriptions",
    "POST /api/notifications/push/subscriptions",
    "DELETE /api/notifications/push/subscriptions/{id}",
    "GET /api/triggers",
    "POST /api/triggers",
    "GET /api/triggers/{id}",
    "PATCH /api/triggers/{id}",
    "DELETE /api/triggers/{id}",
    "GET /api/triggers/{id}/fires",
    "POST /api/triggers/{id}/fire",
    "POST /api/triggers/{id}/rotate-secret",
    "GET /api/v1/events",
    "GET /api/v1/events/stream",
    "POST /api/v1/events/ticket",
    "GET /api/v1/webhook-endpoints",
    "POST /api/v1/webhook-endpoints",
    "GET /api/v1/webhook-endpoints/{id}",
    "PATCH /api/v1/webhook-endpoints/{id}",
    "DELETE /api/v1/webhook-endpoints/{id}",
    "POST /api/v1/webhook-endpoints/{id}/test",
    "POST /api/v1/webhook-endpoints/{id}/rotate-secret",
    "GET /api/v1/webhook-endpoints/{id}/deliveries",
    "POST /api/v1/webhook-endpoints/{id}/deliveries/{delivery_id}/replay",
    "POST /api/v1/webhook-endpoints/{id}/replay",
];

/// All of them; the document must be complete.
pub fn all(document: &Value) -> Vec<Operation> {
    assert_eq!((&document["x-missing"], &document["x-stale"]), (&json!([]), &json!([])), "the document is incomplete");
    let paths = document["paths"].as_object().expect("the document has paths");
    let mut all = Vec::new();
    for (path, item) in paths {
        for (method, operation) in item.as_object().into_iter().flatten() {
            let told = |member: &str| operation[member].as_str().is_some_and(|text| !text.is_empty());
            assert!(told("summary") && told("operationId"), "{method} {path}: a doc comment on its handler is missing");
            all.push(read(path, method, operation));
        }
    }
    let documented: BTreeSet<String> = all.iter().map(ToString::to_string).collect();
    let gone: Vec<&&str> = PROMISED.iter().filter(|operation| !documented.contains(**operation)).collect();
    assert!(gone.is_empty(), "no longer answered: {gone:?}");
    all
}

fn read(path: &str, method: &str, operation: &Value) -> Operation {
    let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
    let query = parameters.iter().filter(|parameter| parameter["in"] == "query");
    let json = operation.pointer("/requestBody/content/application~1json");
    Operation {
        method: Method::from_bytes(method.to_uppercase().as_bytes()).expect("a method"),
        path: path.to_owned(),
        open: operation.get("security") == Some(&json!([])),
        query: query.map(|one| (one["name"].as_str().unwrap_or_default().to_owned(), one["schema"].clone())).collect(),
        takes_json: json.is_some(),
        body_optional: operation.pointer("/requestBody/required") != Some(&json!(true)),
        schema: json.map_or(Value::Null, |json| json["schema"].clone()),
    }
}

impl Operation {
    /// The members its JSON body may have, as documented.
    pub fn body_members(&self, document: &Value) -> BTreeSet<String> {
        let mut members = BTreeSet::new();
        // An optional body is "this or null".
        let alternatives = self.schema["oneOf"].as_array().cloned().unwrap_or_else(|| vec![self.schema.clone()]);
        for schema in alternatives {
            let target = schema["$ref"].as_str().and_then(|target| document.pointer(target.trim_start_matches('#')));
            let properties = target.unwrap_or(&schema)["properties"].as_object().cloned().unwrap_or_default();
            members.extend(properties.into_iter().map(|(name, _)| name));
        }
        members
    }
}
