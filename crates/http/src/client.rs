//! The HTTP clients. Neither follows redirects: a code or a token must not travel on.

use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder};

use crate::body::BodyError;
use crate::tls::{TlsError, client_config};

/// Most bytes of a small document: tokens and keys come nowhere near this.
pub const SMALL: usize = 256 * 1024;

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

/// Limits of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    pub connect: Duration,
    /// From the call to the last byte of the answer.
    pub total: Duration,
}

impl Default for Timeouts {
    /// 2 s to connect, 10 s in all.
    fn default() -> Self {
        Self { connect: Duration::from_secs(2), total: Duration::from_secs(10) }
    }
}

/// The client for Google's small documents: by the environment's proxy, with the roots compiled in.
///
/// # Errors
/// TLS cannot be set up.
pub fn client() -> Result<Client, SetupError> {
    let timeouts = Timeouts { connect: Duration::from_secs(5), total: Duration::from_secs(15) };
    builder(timeouts)
        .tls_backend_preconfigured(client_config()?)
        .user_agent(concat!("postrider/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(SetupError::Client)
}

/// The client for our own services and for issuers an operator names: directly, with the system's certificates. The
/// process must have installed its TLS provider.
///
/// # Errors
/// There is no TLS provider.
pub fn near(timeouts: Timeouts) -> Result<Client, SetupError> {
    builder(timeouts).no_proxy().tcp_nodelay(true).user_agent("postrider").build().map_err(SetupError::Client)
}

fn builder(timeouts: Timeouts) -> ClientBuilder {
    Client::builder().redirect(Policy::none()).connect_timeout(timeouts.connect).timeout(timeouts.total)
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

impl From<BodyError> for HttpError {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::TooLarge { .. } => Self::TooLarge,
            BodyError::Broken(error) => no_answer(&error),
        }
    }
}
