//! Calls from service to service.

mod error;
mod request;

use reqwest::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;

pub use error::{ClientError, cause_of};
pub use postrider_http::Timeouts;
pub use request::Call;

use crate::service_tokens::InternalTokens;

/// Largest answer read, in bytes.
const MOST_BYTES: usize = 8 * 1024 * 1024;

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

/// The client for our own services and key sets.
#[expect(clippy::expect_used, reason = "fails only without a TLS provider, which is installed one line above")]
pub(crate) fn http_client(timeouts: Timeouts) -> reqwest::Client {
    postrider_runtime::tls::install();
    postrider_http::client::near(timeouts).expect("a TLS provider is installed")
}
