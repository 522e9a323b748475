//! The wire form of a problem.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::Problem;

/// One wrong member of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldError {
    /// Where, e.g. `items[2].name`; of a query, the parameter's name.
    pub field: String,
    /// Why, for people.
    pub message: String,
}

/// A problem document (RFC 9457) as clients read it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ProblemDocument {
    /// `urn:postrider:problem:` and the code.
    #[serde(rename = "type", default)]
    pub kind: String,
    #[serde(default)]
    pub title: String,
    pub status: u16,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// Stable; what a client may act on.
    #[serde(default)]
    pub code: String,
    /// The id under which our logs tell the rest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// Members that only some problems have.
    #[serde(flatten)]
    #[schema(ignore)]
    pub extensions: Map<String, Value>,
}

impl ProblemDocument {
    /// The wire form of a problem in the request of that id.
    pub fn of(problem: &Problem, request_id: Option<String>) -> Self {
        Self {
            kind: format!("urn:postrider:problem:{}", problem.code),
            title: problem.title().to_owned(),
            status: problem.status.as_u16(),
            detail: problem.detail.clone(),
            code: problem.code.to_string(),
            request_id,
            errors: problem.errors.clone(),
            extensions: problem.extensions.as_deref().cloned().unwrap_or_default(),
        }
    }
}
