//! The HTTP clients all mailboxes of a process share.

use std::sync::Arc;
use std::time::Duration;

use google_apis_common::Body;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use postrider_domain::{Clock, ConnectorId};
use url::Url;

use super::metrics::GmailMetrics;
use postrider_http::tls::{TlsError, client_config};

pub(super) type Connector = HttpsConnector<HttpConnector>;
pub(super) type HttpClient = Client<Connector, Body>;

/// One HTTP/2 connection carries about a hundred calls at once, and one lost packet stops them all: mailboxes are
/// spread over this many clients.
const SHARDS: usize = 4;

/// How the clients behave.
#[derive(Debug, Clone)]
pub struct TransportConfig {
    /// `GMAIL_API_URL`, as Google's `rootUrl`; http is allowed for stand-ins.
    pub root: Url,
    /// Deadline of a call whose answer is small.
    pub call_deadline: Duration,
    /// Deadline of a fetch of a whole mail (up to 50 MB of base64).
    pub raw_deadline: Duration,
}

impl TransportConfig {
    /// The defaults for a root URL.
    pub fn new(root: Url) -> Self {
        Self { root, call_deadline: Duration::from_secs(30), raw_deadline: Duration::from_secs(120) }
    }
}

/// Why the transport cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error("GMAIL_API_URL must be an http or https URL such as https://gmail.googleapis.com/")]
    Root,
}

/// Four HTTP/2-capable clients, and the deadlines. Built once for a process.
#[derive(Debug)]
pub struct GmailTransport {
    clients: Vec<HttpClient>,
    pub(super) root: Url,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) metrics: GmailMetrics,
    pub(super) call_deadline: Duration,
    pub(super) raw_deadline: Duration,
}

impl GmailTransport {
    /// Builds the clients; nothing connects before the first call.
    pub fn new(
        config: TransportConfig,
        clock: Arc<dyn Clock>,
        metrics: GmailMetrics,
    ) -> Result<Arc<Self>, TransportError> {
        let mut root = config.root;
        if !matches!(root.scheme(), "http" | "https") || root.cannot_be_a_base() || root.query().is_some() {
            return Err(TransportError::Root);
        }
        if !root.path().ends_with('/') {
            root.set_path(&format!("{}/", root.path()));
        }
        let clients = (0..SHARDS).map(|_| Ok(client(client_config()?))).collect::<Result<_, TlsError>>()?;
        Ok(Arc::new(Self {
            clients,
            root,
            clock,
            metrics,
            call_deadline: config.call_deadline,
            raw_deadline: config.raw_deadline,
        }))
    }

    /// The client of a mailbox: always the same one, so that its calls share a connection.
    pub(super) fn client(&self, mailbox: ConnectorId) -> Result<&HttpClient, TransportError> {
        // The last bytes of a UUIDv7 are random.
        let shard = usize::from(mailbox.0.as_bytes().last().copied().unwrap_or(0)) % SHARDS;
        self.clients.get(shard).ok_or(TransportError::Root)
    }

    /// Calls answered and failed in this process, and when the last one was: what health reports build on.
    pub fn metrics(&self) -> &GmailMetrics {
        &self.metrics
    }
}

fn client(tls: rustls::ClientConfig) -> HttpClient {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(Duration::from_secs(10)));
    tcp.set_keepalive(Some(Duration::from_secs(60)));
    let connector =
        HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_all_versions().wrap_connector(tcp);
    Client::builder(TokioExecutor::new())
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(Duration::from_secs(90))
        .pool_max_idle_per_host(32)
        // Finds a connection whose peer is gone while calls wait on it.
        .http2_keep_alive_interval(Duration::from_secs(20))
        .http2_keep_alive_timeout(Duration::from_secs(10))
        .http2_adaptive_window(true)
        .build(connector)
}
