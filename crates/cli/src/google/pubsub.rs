//! Pub/Sub's REST API, as far as setting up needs it: <https://cloud.google.com/pubsub/docs/reference/rest>.

use anyhow::Result;
use postrider_http::client::{SMALL, client, no_answer};
use postrider_http::{SetupError, body};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use url::Url;

use super::access::Access;

/// Why a call failed. Never holds a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    #[error("no token: {0}")]
    NoToken(String),
    #[error("Pub/Sub does not answer: {0}")]
    Unavailable(String),
    /// Google's own words: they name resources and rights, no secrets.
    #[error("Pub/Sub says {status} {code}: {message}")]
    Refused { status: u16, code: String, message: String },
}

impl CallError {
    /// Google's canonical code, where Google said no.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused { code, .. } => Some(code),
            Self::NoToken(_) | Self::Unavailable(_) => None,
        }
    }
}

/// A client with somebody's rights.
#[derive(Debug)]
pub struct PubSub {
    http: Client,
    base: Url,
    access: Access,
}

impl PubSub {
    /// Nothing connects before the first call.
    ///
    /// # Errors
    /// TLS cannot be set up.
    pub fn new(base: Url, access: Access) -> Result<Self, SetupError> {
        Ok(Self { http: client()?, base, access })
    }

    /// A topic or a subscription; none where there is none.
    pub async fn find(&self, name: &str) -> Result<Option<Value>, CallError> {
        match self.call(Method::GET, name, None).await {
            Err(error) if error.code() == Some("NOT_FOUND") => Ok(None),
            answer => answer.map(Some),
        }
    }

    /// Creates one. That it is there already is no error: somebody else was quicker.
    pub async fn create(&self, name: &str, wanted: &Value) -> Result<(), CallError> {
        match self.call(Method::PUT, name, Some(wanted)).await {
            Err(error) if error.code() != Some("ALREADY_EXISTS") => Err(error),
            _ => Ok(()),
        }
    }

    /// Changes these members of a subscription.
    pub async fn change(&self, name: &str, members: &Value, mask: &str) -> Result<(), CallError> {
        let wanted = json!({"subscription": members, "updateMask": mask});
        self.call(Method::PATCH, name, Some(&wanted)).await.map(drop)
    }

    /// Who may use it; also those who may under conditions (policy version 3).
    pub async fn policy(&self, name: &str) -> Result<Value, CallError> {
        self.call(Method::GET, &format!("{name}:getIamPolicy?options.requestedPolicyVersion=3"), None).await
    }

    /// Replaces the policy; refused (`ABORTED`) when it changed since it was read.
    pub async fn set_policy(&self, name: &str, policy: &Value) -> Result<(), CallError> {
        self.call(Method::POST, &format!("{name}:setIamPolicy"), Some(&json!({"policy": policy}))).await.map(drop)
    }

    async fn call(&self, method: Method, path: &str, wanted: Option<&Value>) -> Result<Value, CallError> {
        let unavailable = |error: &dyn std::fmt::Display| CallError::Unavailable(error.to_string());
        let url = self.base.join(&format!("v1/{path}")).map_err(|error| unavailable(&error))?;
        let token = self.access.token().await.map_err(|error| CallError::NoToken(error.to_string()))?;
        let mut request = self.http.request(method, url).bearer_auth(token.expose());
        if let Some(wanted) = wanted {
            request = request.json(wanted);
        }
        let answer = request.send().await.map_err(|error| unavailable(&no_answer(&error)))?;
        let status = answer.status();
        let bytes = body(answer, SMALL).await.map_err(|error| unavailable(&error))?;
        let said: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        if status.is_success() {
            return Ok(said);
        }
        let text = |pointer: &str| said.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        Err(CallError::Refused {
            status: status.as_u16(),
            code: text("/error/status"),
            message: text("/error/message"),
        })
    }
}
