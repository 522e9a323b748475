//! Pulling from a Pub/Sub subscription (<https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.subscriptions>):
//! for machines that Google cannot push to.

use std::time::Duration;

use postrider_domain::Secret;
use postrider_http::client::{SMALL, client, no_answer};
use postrider_http::{SetupError, body};
use reqwest::Client;
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use crate::pubsub::{self, Push, Unreadable};
use crate::service_account::{ServiceAccountTokens, TokenError};

/// Google holds a pull open until there is a message, for about a minute and a half.
const LONG: Duration = Duration::from_secs(120);
/// Largest answer to a pull: a hundred messages of Gmail's have some 40 KiB.
const LARGEST: usize = 8 * 1024 * 1024;

/// Why a call failed. Never holds a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PullError {
    #[error(transparent)]
    Token(#[from] TokenError),
    /// Somebody must act: the subscription is not there, is pushed to, or the account may not pull.
    #[error("Pub/Sub refuses: {status} {reason}")]
    Refused { status: u16, reason: String },
    #[error("Pub/Sub does not answer: {0}")]
    Unavailable(String),
}

impl PullError {
    /// A stable word for metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Token(TokenError::Refused(_)) => "credentials_refused",
            Self::Token(TokenError::Unavailable(_)) => "credentials_unavailable",
            Self::Refused { .. } => "refused",
            Self::Unavailable(_) => "unavailable",
        }
    }
}

/// A message that was given to us, and nobody else gets until its ack deadline is over.
#[derive(Debug)]
pub struct Received {
    pub ack_id: String,
    pub push: Result<Push, Unreadable>,
}

/// One subscription.
#[derive(Debug)]
pub struct Subscription {
    name: String,
    base: Url,
    tokens: ServiceAccountTokens,
    http: Client,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Pulled {
    #[serde(default)]
    received_messages: Vec<ReceivedMessage>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReceivedMessage {
    ack_id: String,
    #[serde(default)]
    message: Option<Value>,
}

#[derive(Deserialize)]
struct Refusal {
    error: Status,
}

#[derive(Deserialize)]
struct Status {
    status: String,
}

/// Whether a text has the form `projects/<project>/subscriptions/<name>`.
pub fn is_subscription(text: &str) -> bool {
    let plain = |part: &str| {
        (1..=255).contains(&part.len()) && part.chars().all(|c| c.is_ascii_alphanumeric() || "-._~+%:".contains(c))
    };
    match text.split('/').collect::<Vec<_>>().as_slice() {
        ["projects", project, "subscriptions", name] => plain(project) && plain(name),
        _ => false,
    }
}

impl Subscription {
    /// Nothing connects before the first call.
    ///
    /// # Errors
    /// TLS cannot be set up.
    pub fn new(name: String, base: Url, tokens: ServiceAccountTokens) -> Result<Self, SetupError> {
        Ok(Self { name, base, tokens, http: client()? })
    }

    /// `projects/p/subscriptions/s`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Waits for messages, at most so many; none after a while without any.
    ///
    /// # Errors
    /// Refused, or no answer.
    pub async fn pull(&self, most: u32) -> Result<Vec<Received>, PullError> {
        let answer = self.call("pull", &json!({"maxMessages": most}), LONG).await?;
        let pulled: Pulled = serde_json::from_slice(&answer)
            .map_err(|_malformed| PullError::Unavailable("the answer was not readable".to_owned()))?;
        Ok(pulled.received_messages.into_iter().map(|one| self.read(one)).collect())
    }

    /// The messages are done with.
    ///
    /// # Errors
    /// Refused, or no answer: they come again.
    pub async fn acknowledge(&self, ack_ids: &[String]) -> Result<(), PullError> {
        self.call("acknowledge", &json!({"ackIds": ack_ids}), SHORT).await.map(drop)
    }

    /// Nobody else gets the messages for so long from now; 0 gives them back.
    ///
    /// # Errors
    /// Refused, or no answer: they come again when their deadline is over.
    pub async fn modify_ack_deadline(&self, ack_ids: &[String], seconds: u32) -> Result<(), PullError> {
        let body = json!({"ackIds": ack_ids, "ackDeadlineSeconds": seconds});
        self.call("modifyAckDeadline", &body, SHORT).await.map(drop)
    }

    /// A message is what a push's envelope holds. Without one it is no envelope, and unreadable.
    fn read(&self, one: ReceivedMessage) -> Received {
        let envelope = json!({"message": one.message, "subscription": self.name}).to_string();
        let push = pubsub::parse(envelope.as_bytes(), |_header| None);
        Received { ack_id: one.ack_id, push }
    }

    async fn call(&self, verb: &str, body_of: &Value, patience: Duration) -> Result<Vec<u8>, PullError> {
        let token = self.tokens.token().await?;
        let answer = self.send(&token, verb, body_of, patience).await?;
        let status = answer.status();
        if status.is_success() {
            let whole = body(answer, LARGEST).await.map_err(|error| PullError::Unavailable(error.to_string()))?;
            return Ok(whole.to_vec());
        }
        let whole = body(answer, SMALL).await.unwrap_or_default();
        if status.as_u16() == 401 {
            self.tokens.forget().await;
        }
        if status.is_server_error() || status.as_u16() == 429 {
            return Err(PullError::Unavailable(format!("answered with status {}", status.as_u16())));
        }
        let reason = serde_json::from_slice::<Refusal>(&whole).map(|refusal| refusal.error.status).unwrap_or_default();
        let reason = reason.chars().filter(|c| c.is_ascii_uppercase() || *c == '_').take(40).collect();
        Err(PullError::Refused { status: status.as_u16(), reason })
    }

    async fn send(
        &self,
        token: &Secret,
        verb: &str,
        body_of: &Value,
        patience: Duration,
    ) -> Result<reqwest::Response, PullError> {
        let url = self.base.join(&format!("v1/{}:{verb}", self.name));
        let url = url.map_err(|error| PullError::Unavailable(error.to_string()))?;
        let request = self.http.post(url).bearer_auth(token.expose()).json(body_of).timeout(patience);
        request.send().await.map_err(|error| PullError::Unavailable(no_answer(&error).to_string()))
    }
}

/// For calls that are answered at once.
const SHORT: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_subscriptions() {
        assert!(is_subscription("projects/my-project/subscriptions/gmail-pull"));
        for bad in [
            "",
            "gmail",
            "projects/p/topics/t",
            "projects//subscriptions/s",
            "projects/p/subscriptions/",
            "projects/p/subscriptions/a b",
            "projects/p/subscriptions/a/b",
        ] {
            assert!(!is_subscription(bad), "{bad}");
        }
    }
}
