//! Calls from service to service.

mod error;
mod request;

use std::time::Duration;

use reqwest::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;

pub use error::{ClientError, cause_of};
pub use request::Call;

use crate::service_tokens::InternalTokens;

/// Largest answer read, in bytes.
const MOST_BYTES: usize = 8 * 1024 * 1024;

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

/// Calls one service. It follows no redirects, obeys no proxy of the environment, mints a token for each call, and
/// passes on the request id and the trace. Clones share its connections.
#[derive(Debug, Clone)]
pub struct ServiceClient {
    callee: String,
    base: Url,
    tokens: InternalTokens,
    http: reqwest::Client,
}

impl ServiceClient {
    /// A client of the service of that name (the `aud` of its tokens), reached at `base`.
    pub fn new(callee: impl Into<String>, base: Url, tokens: InternalTokens, timeouts: Timeouts) -> Self {
        Self { callee: callee.into(), base, tokens, http: http_client(timeouts) }
    }

    /// The service it calls.
    pub fn callee(&self) -> &str {
        &self.callee
    }

    /// GET of a path (`/internal/events`) with a query.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn get<T: DeserializeOwned>(
        &self,
        call: &Call,
        path: &str,
        query: &(impl Serialize + Sync),
    ) -> Result<T, ClientError> {
        self.send(call, Method::GET, path, |request| request.query(query)).await
    }

    /// POST of a JSON body.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn post<T: DeserializeOwned>(
        &self,
        call: &Call,
        path: &str,
        body: &(impl Serialize + Sync),
    ) -> Result<T, ClientError> {
        self.send(call, Method::POST, path, |request| request.json(body)).await
    }
}

/// The one place that builds HTTP clients for our own services and key sets.
#[expect(clippy::expect_used, reason = "fails only without a TLS provider, which is installed one line above")]
pub(crate) fn http_client(timeouts: Timeouts) -> reqwest::Client {
    postrider_runtime::tls::install();
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(timeouts.connect)
        .timeout(timeouts.total)
        .tcp_nodelay(true)
        .user_agent("postrider")
        .build()
        .expect("a TLS provider is installed")
}

/// An answer's body, up to a limit.
pub(crate) async fn read_bounded(mut answer: reqwest::Response, most: usize) -> Result<Vec<u8>, ClientError> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(ClientError::transport)? {
        if body.len() + chunk.len() > most {
            return Err(ClientError::TooLarge { most });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
