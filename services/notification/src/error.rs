//! What can go wrong in a request, and what the client is told.

use actix_web::HttpResponse;
use actix_web::ResponseError;
use actix_web::http::StatusCode;
use postrider_web::Problem;

/// An error of a handler: what the client is told. The cause of a 5xx is logged where it becomes an answer, and never
/// shown.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct Error(#[from] pub Problem);

impl Error {
    /// No such notification, or somebody else's.
    pub fn not_found() -> Self {
        Self(Problem::not_found())
    }
}

impl From<postrider_storage::Error> for Error {
    fn from(error: postrider_storage::Error) -> Self {
        Self(error.into())
    }
}

impl ResponseError for Error {
    fn status_code(&self) -> StatusCode {
        self.0.status
    }

    fn error_response(&self) -> HttpResponse {
        self.0.error_response()
    }
}
