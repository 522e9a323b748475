//! What the gateway answers itself, besides Socket.IO, which is no HTTP to its clients.

use serde_json::{Map, Value, json};
use utoipa::OpenApi as _;

use crate::http::ApiDoc;

/// What it answers to callers.
pub fn document() -> Value {
    serde_json::to_value(ApiDoc::openapi()).unwrap_or_default()
}

/// Its open paths, as they stand in a document.
pub fn paths() -> Map<String, Value> {
    let get = |summary: &str, answers: &[(&str, &str)]| {
        let answers: Map<String, Value> =
            answers.iter().map(|(status, what)| ((*status).to_owned(), json!({"description": what}))).collect();
        json!({"get": {"tags": ["gateway"], "summary": summary, "security": [], "responses": answers}})
    };
    let busy = ("429", "Too many requests from this address");
    let all = [
        ("/docs", get("This document as a page to read and try.", &[("200", "The page"), busy])),
        ("/health/live", get("Whether the process runs.", &[("200", "It does")])),
        (
            "/health/ready",
            get("Whether requests may be sent here.", &[("200", "They may"), ("503", "It is starting or stopping")]),
        ),
        ("/openapi.json", get("This document: every route that answers.", &[("200", "The document"), busy])),
    ];
    all.into_iter().map(|(path, item)| (path.to_owned(), item)).collect()
}
