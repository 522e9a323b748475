//! Errors as `application/problem+json` (RFC 9457).
//!
//! A problem has a stable `code` that clients may act on and a `detail` for people. The cause of a 5xx goes to the log
//! with the request id, never to the client.

mod document;
mod response;
mod storage;

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use actix_web::http::StatusCode;
use serde_json::{Map, Value};

pub use document::{FieldError, ProblemDocument};
pub(crate) use response::render;

use crate::codes;

/// An error answer. Handlers return it as their error.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    pub status: StatusCode,
    /// Stable and documented, `snake_case`.
    pub code: Cow<'static, str>,
    /// What is wrong this time; empty if there is nothing to add.
    pub detail: String,
    /// The members of the request that are wrong.
    pub errors: Vec<FieldError>,
    /// When to try again.
    pub retry_after: Option<Duration>,
    /// Further members of the document; boxed, because few problems have any and every handler's result carries one.
    pub extensions: Option<Box<Map<String, Value>>>,
}

impl Problem {
    /// A problem of any status.
    pub fn new(status: StatusCode, code: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> Self {
        Self {
            status,
            code: code.into(),
            detail: detail.into(),
            errors: Vec::new(),
            retry_after: None,
            extensions: None,
        }
    }

    /// 400: the request cannot be read at all.
    pub fn bad_request(code: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    /// 401, with `WWW-Authenticate`.
    pub fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, codes::UNAUTHORIZED, "A valid token is needed.")
    }

    /// 403.
    pub fn forbidden() -> Self {
        Self::new(StatusCode::FORBIDDEN, codes::FORBIDDEN, "The caller may not do this.")
    }

    /// 404: there is no such thing, or it is not the caller's; the two look the same.
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, codes::NOT_FOUND, "There is no such thing here.")
    }

    /// 409.
    pub fn conflict(code: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, detail)
    }

    /// 422: readable, but a member is wrong. Name each with [`Problem::field`].
    pub fn unprocessable(code: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail)
    }

    /// 429.
    pub fn rate_limited(retry_after: Duration) -> Self {
        let detail = "Too many requests.";
        Self { retry_after: Some(retry_after), ..Self::new(StatusCode::TOO_MANY_REQUESTS, codes::RATE_LIMITED, detail) }
    }

    /// 503: something we need is down.
    pub fn unavailable(code: impl Into<Cow<'static, str>>, retry_after: Duration, detail: impl Into<String>) -> Self {
        Self { retry_after: Some(retry_after), ..Self::new(StatusCode::SERVICE_UNAVAILABLE, code, detail) }
    }

    /// 500 without a detail. Log the cause where it is known, or use [`Problem::unexpected`].
    pub fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, codes::INTERNAL_ERROR, "")
    }

    /// Logs a cause nobody foresaw and answers 500 without it.
    pub fn unexpected(cause: impl fmt::Display) -> Self {
        tracing::error!(error = %cause, "a request failed for an unforeseen reason");
        Self::internal()
    }

    /// Names a wrong member of the request: where (`items[2].name`) and why.
    #[must_use]
    pub fn field(mut self, name: impl Into<String>, why: impl Into<String>) -> Self {
        self.errors.push(FieldError { field: name.into(), message: why.into() });
        self
    }

    /// Short, the same for every problem of this status.
    pub fn title(&self) -> &'static str {
        self.status.canonical_reason().unwrap_or("Error")
    }

    /// Replaces the code.
    #[must_use]
    pub fn with_code(mut self, code: impl Into<Cow<'static, str>>) -> Self {
        self.code = code.into();
        self
    }

    /// Replaces the detail.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = detail.into();
        self
    }

    /// Adds a member to the document, e.g. the accounts to choose from.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.extensions.get_or_insert_default().insert(name.into(), value.into());
        self
    }

    /// Says when to try again.
    #[must_use]
    pub fn retry_after(mut self, after: Duration) -> Self {
        self.retry_after = Some(after);
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.status.as_u16(), self.code)?;
        if self.detail.is_empty() { Ok(()) } else { write!(f, ": {}", self.detail) }
    }
}

impl std::error::Error for Problem {}
