//! What can go wrong in a request, and what the client is told.

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::ResponseError;
use actix_web::http::StatusCode;
use web::{Problem, codes};

/// When to come back while the database is away.
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// An error of a handler. The cause of a 5xx is logged where it becomes an answer, and never shown.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Refused with this answer.
    #[error(transparent)]
    Refused(#[from] Problem),
    #[error(transparent)]
    Storage(#[from] storage::Error),
}

impl Error {
    /// No such notification, or somebody else's.
    pub fn not_found() -> Self {
        Self::Refused(Problem::not_found())
    }

    /// The answer.
    pub fn problem(&self) -> Problem {
        match self {
            Self::Refused(problem) => problem.clone(),
            Self::Storage(storage::Error::NotFound) => Problem::not_found(),
            Self::Storage(storage::Error::Transient(cause)) => {
                tracing::warn!(error = %cause, "the database cannot answer now");
                Problem::unavailable(codes::UNAVAILABLE, RETRY_AFTER, "The database cannot answer now.")
            }
            Self::Storage(
                cause @ (storage::Error::Conflict { .. } | storage::Error::Forbidden(_) | storage::Error::Other(_)),
            ) => Problem::unexpected(cause),
        }
    }
}

impl ResponseError for Error {
    fn status_code(&self) -> StatusCode {
        self.problem().status
    }

    fn error_response(&self) -> HttpResponse {
        self.problem().error_response()
    }
}
