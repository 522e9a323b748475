//! Keeps what google-gmail1 throws away. Its `BadRequest` carries only the JSON of a refusal; status and `Retry-After`
//! are seen by a `Delegate` alone. Its success path turns a body that broke off into an empty one, and prints the
//! whole body into the error.

use google_apis_common::{Delegate, Error, Response, Retry};
use http::header::RETRY_AFTER;

use super::GmailError;
use super::classify::{Document, Refusal, classify};
use crate::quota::Method;

/// Listens to one call of the hub. It never asks for a retry: when to try again is decided above.
#[derive(Debug, Default)]
pub(super) struct Capture {
    refusal: Option<Refusal>,
}

impl Delegate for Capture {
    fn http_failure(&mut self, response: &Response, document: Option<&serde_json::Value>) -> Retry {
        let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let body = document.and_then(|json| serde_json::from_value::<Document>(json.clone()).ok()).unwrap_or_default();
        let status = response.status().as_u16();
        self.refusal = Some(Refusal { status, retry_after: retry_after.map(str::to_owned), body });
        Retry::Abort
    }
}

impl Capture {
    /// The answer of the call, or what its failure means.
    pub(super) fn sort<T>(
        self,
        method: Method,
        result: google_apis_common::Result<T>,
        now: postrider_domain::Timestamp,
    ) -> Result<T, GmailError> {
        let error = match result {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        if let Some(refusal) = self.refusal {
            return Err(classify(method, &refusal, now));
        }
        // None of these texts may hold the error's own: it can carry the answer's body or the URL.
        Err(match error {
            Error::HttpError(error) if error.is_connect() => GmailError::transient("no connection"),
            Error::HttpError(_) | Error::Io(_) => GmailError::transient("the connection broke"),
            Error::JsonDecodeError(body, _) if body.is_empty() => GmailError::transient("the answer was cut off"),
            Error::JsonDecodeError(_, error) if error.is_eof() => GmailError::transient("the answer was cut off"),
            Error::JsonDecodeError(..) => GmailError::transient("the answer was not readable"),
            Error::BadRequest(_) | Error::Failure(_) => GmailError::transient("a refusal without a status"),
            Error::UploadSizeLimitExceeded(..)
            | Error::MissingAPIKey
            | Error::MissingToken(_)
            | Error::Cancelled
            | Error::FieldClash(_) => GmailError::BadRequest { reason: "the request could not be built".to_owned() },
        })
    }
}
