//! Errors as Gmail answers them: HTTP status, `reason`, message, and the JSON shape of Google's APIs.
//!
//! Source: <https://developers.google.com/workspace/gmail/api/guides/handle-errors>.

use std::borrow::Cow;

use postrider_domain::Timestamp;
use serde_json::{Value, json};

/// A failed Gmail call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{status} {reason}: {message}")]
pub struct ApiError {
    /// HTTP status.
    pub status: u16,
    /// `errors[0].reason`, e.g. `rateLimitExceeded`.
    pub reason: Cow<'static, str>,
    /// `error.message`.
    pub message: String,
    /// Seconds of a `Retry-After` header, where one is sent.
    pub retry_after: Option<u32>,
}

impl ApiError {
    /// An error without a `Retry-After` header.
    pub fn new(status: u16, reason: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self { status, reason: reason.into(), message: message.into(), retry_after: None }
    }

    /// 404 `notFound`: unknown message, label, or a history id that is too old.
    pub fn not_found() -> Self {
        Self::new(404, "notFound", "Requested entity was not found.")
    }

    /// 400 `invalidArgument`.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(400, "invalidArgument", message)
    }

    /// 400 `failedPrecondition`.
    pub fn precondition(message: impl Into<String>) -> Self {
        Self::new(400, "failedPrecondition", message)
    }

    /// 401 `authError`: no token, an unknown, expired or revoked one.
    pub fn unauthenticated() -> Self {
        Self::new(401, "authError", "Invalid Credentials")
    }

    /// 403 `insufficientPermissions`: the token's scopes do not allow the method.
    pub fn scope_missing() -> Self {
        Self::new(403, "insufficientPermissions", "Request had insufficient authentication scopes.")
    }

    /// The text form of a limit error that names the time to come back.
    pub fn user_rate(status: u16, until: Timestamp) -> Self {
        let until = until.to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
        Self::new(status, "userRateLimitExceeded", format!("User-rate limit exceeded.  Retry after {until}"))
    }

    /// `error.status`, the canonical name that goes with the HTTP status and reason.
    pub fn canonical(&self) -> &'static str {
        match self.status {
            400 if self.reason == "failedPrecondition" => "FAILED_PRECONDITION",
            400 => "INVALID_ARGUMENT",
            401 => "UNAUTHENTICATED",
            403 => "PERMISSION_DENIED",
            404 => "NOT_FOUND",
            409 => "ABORTED",
            429 => "RESOURCE_EXHAUSTED",
            503 => "UNAVAILABLE",
            504 => "DEADLINE_EXCEEDED",
            _ => "INTERNAL",
        }
    }

    /// The body Google sends.
    pub fn body(&self) -> Value {
        let domain = match self.reason.as_ref() {
            "rateLimitExceeded" | "userRateLimitExceeded" | "dailyLimitExceeded" | "quotaExceeded" => "usageLimits",
            _ => "global",
        };
        let mut error = json!({"message": self.message, "domain": domain, "reason": self.reason});
        if self.status == 401
            && let Some(fields) = error.as_object_mut()
        {
            fields.insert("locationType".to_owned(), json!("header"));
            fields.insert("location".to_owned(), json!("Authorization"));
        }
        json!({"error": {
            "code": self.status,
            "message": self.message,
            "errors": [error],
            "status": self.canonical(),
        }})
    }
}
