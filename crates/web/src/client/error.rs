//! What a call to another service may end with.

use std::time::Duration;

use postrider_http::BodyError;

use crate::codes;
use crate::problem::{Problem, ProblemDocument};
use crate::service_tokens::TokenError;

/// A failed call. Never contains a token.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ClientError {
    /// The callee answered with an error.
    #[error("the callee answered {status} {}{}", problem.code, what_to_do(problem))]
    Status { status: u16, problem: Box<ProblemDocument> },
    /// The callee cannot be reached, or the connection broke.
    #[error("the callee cannot be reached: {0}")]
    Unavailable(String),
    /// The callee took too long.
    #[error("the callee took too long")]
    Timeout,
    /// The answer is not what was agreed.
    #[error("the answer is not readable: {0}")]
    Answer(String),
    /// The answer is larger than `most` bytes.
    #[error("the answer is larger than {most} bytes")]
    TooLarge { most: usize },
    /// No token could be made: a key is missing.
    #[error(transparent)]
    Token(#[from] TokenError),
}

impl ClientError {
    /// The stable code of the callee's problem, if it answered with one.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Status { problem, .. } => Some(&problem.code),
            _ => None,
        }
    }

    /// True if the same call may work later: the callee is away, slow, or says so itself; or once the clocks agree.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unavailable(_) | Self::Timeout => true,
            Self::Status { problem, .. } if problem.code == codes::CLOCK_DRIFT => true,
            Self::Status { status, .. } => matches!(status, 408 | 429 | 502 | 503 | 504),
            Self::Answer(_) | Self::TooLarge { .. } | Self::Token(_) => false,
        }
    }

    pub(crate) fn transport(error: reqwest::Error) -> Self {
        if error.is_timeout() {
            return Self::Timeout;
        }
        Self::Unavailable(cause_of(error))
    }
}

/// What only an operator can mend is told with its remedy.
fn what_to_do(problem: &ProblemDocument) -> String {
    if problem.code == codes::CLOCK_DRIFT { format!(": {}", problem.detail) } else { String::new() }
}

impl From<BodyError> for ClientError {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::TooLarge { most } => Self::TooLarge { most },
            BodyError::Broken(error) => Self::transport(error),
        }
    }
}

/// What went wrong with a request, down to the first cause. Never its URL: the query may hold codes and states.
pub fn cause_of(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(deeper) = cause {
        text = format!("{text}: {deeper}");
        cause = deeper.source();
    }
    text
}

/// To a client of ours, another service's trouble is 503 or 500; what the callee refused is not passed on unseen.
impl From<ClientError> for Problem {
    fn from(error: ClientError) -> Self {
        if error.is_transient() {
            tracing::warn!(error = %error, "a call to another service failed");
            return Self::unavailable(codes::UNAVAILABLE, Duration::from_secs(5), "A part of the service is away.");
        }
        Self::unexpected(error)
    }
}
