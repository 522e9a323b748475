//! IAM policies of topics and subscriptions: who may publish, who may pull.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{GMAIL, PubSubError};

/// Members that have a role.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Binding {
    pub role: String,
    pub members: Vec<String>,
    /// When it holds; kept and shown, and never met.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub condition: Option<Value>,
}

/// A policy; the etag changes with each write.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Policy {
    pub version: u32,
    pub etag: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub bindings: Vec<Binding>,
    #[serde(skip)]
    writes: u32,
}

/// Roles that hold `pubsub.topics.publish`.
const PUBLISHERS: [&str; 4] = ["roles/pubsub.publisher", "roles/pubsub.editor", "roles/pubsub.admin", "roles/owner"];

impl Policy {
    /// A policy that lets Gmail publish.
    pub(super) fn for_gmail() -> Self {
        let binding =
            Binding { role: "roles/pubsub.publisher".to_owned(), members: vec![GMAIL.to_owned()], condition: None };
        Self { version: 1, etag: etag(1), bindings: vec![binding], writes: 1 }
    }

    pub(super) fn lets_gmail_publish(&self) -> bool {
        let publishers = self.bindings.iter().filter(|binding| binding.condition.is_none());
        let publishers = publishers.filter(|binding| PUBLISHERS.contains(&binding.role.as_str()));
        publishers.flat_map(|binding| &binding.members).any(|member| member == GMAIL || member == "allUsers")
    }

    /// A write: refused when it names the etag of an older policy.
    pub(super) fn replace(&mut self, wanted: Self) -> Result<(), PubSubError> {
        if !wanted.etag.is_empty() && wanted.etag != self.etag {
            return Err(PubSubError::new(409, "ABORTED", "There were concurrent policy changes. Read it again."));
        }
        let conditional = wanted.bindings.iter().any(|binding| binding.condition.is_some());
        if conditional && wanted.version < 3 {
            return Err(PubSubError::invalid("A policy with conditions must have the version 3."));
        }
        let writes = self.writes + 1;
        *self =
            Self { version: if conditional { 3 } else { 1 }, etag: etag(writes), bindings: wanted.bindings, writes };
        Ok(())
    }
}

fn etag(writes: u32) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(writes.to_be_bytes())
}
