//! How a client introduces itself: the handshake's `auth`, the token in it, and where it wants to go on.

use postrider_domain::ConnectorId;
use serde::Deserialize;
use serde_json::Value as Json;

use super::event_id::EventId;
use super::problem::SocketProblem;

/// Where a client wants to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resume {
    At(EventId),
    /// An id that is not one of ours: nothing can be resumed from it.
    Unknown,
}

impl Resume {
    fn parse(text: &str) -> Self {
        text.parse().map_or(Self::Unknown, Self::At)
    }
}

/// Token and what a client says about itself; the token alone counts, the rest must agree with it.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Credentials {
    pub token: String,
    #[serde(default)]
    pub user_id: Option<String>,
    #[serde(default)]
    pub tenant_id: Option<String>,
    #[serde(default)]
    pub account_id: Option<String>,
}

/// Tokens are never shown.
impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("user_id", &self.user_id).finish_non_exhaustive()
    }
}

impl Credentials {
    /// The account as an id, if one was given.
    pub fn account(&self) -> Result<Option<ConnectorId>, SocketProblem> {
        match self.account_id.as_deref() {
            None | Some("") => Ok(None),
            Some(id) => id.parse().map(Some).map_err(|_| SocketProblem::IDENTITY_MISMATCH),
        }
    }
}

/// `auth` of the handshake: `{token, lastEventId?, replay?}` and the members of `authenticate`. Clients may send more.
#[derive(Debug, Clone, Default)]
pub struct Handshake {
    pub credentials: Option<Credentials>,
    pub resume: Option<Resume>,
    /// Replays come in batches that it acknowledges.
    pub batches: bool,
}

impl Handshake {
    /// Reads it. Anything but an object with a token counts as "no token yet": `authenticate` may still bring one.
    pub fn parse(auth: &Json) -> Result<Self, SocketProblem> {
        let resume = resume(auth)?;
        let batches = match auth.get("replay") {
            None | Some(Json::Null) => false,
            Some(Json::String(way)) if way == "batch" => true,
            // A client that waits for something else would not notice that it gets none: it is told.
            Some(_) => return Err(SocketProblem::REPLAY_UNSUPPORTED),
        };
        let credentials = match auth.get("token") {
            None | Some(Json::Null) => None,
            Some(_) => Some(serde_json::from_value(auth.clone()).map_err(|_| SocketProblem::INVALID_PAYLOAD)?),
        };
        Ok(Self { credentials, resume, batches })
    }
}

/// `lastEventId`, here and in a subscription.
pub(super) fn resume(data: &Json) -> Result<Option<Resume>, SocketProblem> {
    match data.get("lastEventId") {
        None | Some(Json::Null) => Ok(None),
        Some(Json::String(id)) => Ok(Some(Resume::parse(id))),
        Some(_) => Err(SocketProblem::INVALID_PAYLOAD),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_handshake_may_come_without_a_token_but_not_with_a_broken_one() {
        assert!(Handshake::parse(&json!({})).unwrap().credentials.is_none());
        assert!(Handshake::parse(&json!(null)).unwrap().credentials.is_none());
        assert!(Handshake::parse(&json!({"token": 7})).is_err());
        let more = json!({"token": "t", "userId": "u", "replay": null, "theirs": 1});
        assert_eq!(Handshake::parse(&more).unwrap().credentials.unwrap().user_id.as_deref(), Some("u"));
        let batches = |replay| Handshake::parse(&json!({"token": "t", "replay": replay})).unwrap().batches;
        assert!(batches(json!("batch")) && !batches(json!(null)));
        for replay in [json!("Batch"), json!(""), json!(true)] {
            let asked = Handshake::parse(&json!({"token": "t", "replay": replay}));
            assert_eq!(asked.unwrap_err(), SocketProblem::REPLAY_UNSUPPORTED);
        }
    }
}
