//! The HTTP client for Google's small documents: tokens and keys.

use std::time::Duration;

use reqwest::redirect::Policy;

use crate::tls::{TlsError, client_config};

/// No answer of the token or key endpoints comes near this.
const LARGEST: usize = 256 * 1024;

/// Why a client cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error("the HTTP client cannot be set up")]
    Client(#[source] reqwest::Error),
}

/// An exchange that brought no usable answer. Never holds the request: its URL or body may carry a secret.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    #[error("no answer ({0})")]
    NoAnswer(&'static str),
    #[error("answered with status {0}")]
    Status(u16),
    #[error("the answer was too large")]
    TooLarge,
}

/// No redirects (a code or a token must not travel on), deadlines, our name.
pub fn client() -> Result<reqwest::Client, SetupError> {
    reqwest::Client::builder()
        .tls_backend_preconfigured(client_config()?)
        .redirect(Policy::none())
        .connect_timeout(Duration::from_secs(5))
        .timeout(Duration::from_secs(15))
        .user_agent(concat!("postrider/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(SetupError::Client)
}

/// What an error says without its URL.
pub fn no_answer(error: &reqwest::Error) -> HttpError {
    HttpError::NoAnswer(if error.is_timeout() {
        "deadline"
    } else if error.is_connect() {
        "no connection"
    } else {
        "the connection broke"
    })
}

/// The whole body, if it has a sane size.
pub async fn body(mut response: reqwest::Response) -> Result<Vec<u8>, HttpError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| no_answer(&error))? {
        body.extend_from_slice(&chunk);
        if body.len() > LARGEST {
            return Err(HttpError::TooLarge);
        }
    }
    Ok(body)
}
