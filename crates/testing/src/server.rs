//! A small service on two free ports, with the callers' keys it trusts, and a client to ask it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::web::ServiceConfig;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use postrider_runtime::Context;
use postrider_web::{Health, InternalKeys, InternalTokens, Server, ServerConfig};
use tokio::task::JoinHandle;

/// A running server that calls itself `connector`; stopped hard when it is dropped.
pub struct TestServer {
    pub addr: SocketAddr,
    pub admin: SocketAddr,
    pub cx: Context,
    pub running: JoinHandle<anyhow::Result<()>>,
}

impl TestServer {
    /// Serves the given routes.
    ///
    /// # Panics
    /// When no port is free.
    #[expect(clippy::disallowed_methods, reason = "the test awaits the server's end by the handle")]
    pub fn start(
        body_limit: usize,
        health: Health,
        routes: impl Fn(&mut ServiceConfig) + Clone + Send + 'static,
    ) -> Self {
        let cx = Context::for_tests();
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let config = ServerConfig { name: "connector", listen: any, admin: any, body_limit };
        let tokens = tokens("connector");
        let bound = Server::bind(config, &cx, health, move |cfg| {
            cfg.app_data(tokens.clone()).configure(routes.clone());
        });
        let server = bound.unwrap_or_else(|error| panic!("{error}"));
        // The server's own 30 s would be a long test; loopback acknowledges at once.
        let socket = server.public_socket();
        assert!(socket.tcp_user_timeout().is_ok_and(|timeout| timeout == Some(Duration::from_secs(30))));
        assert!(socket.set_tcp_user_timeout(Some(Duration::from_secs(1))).is_ok());
        let (addr, admin) = (server.addr(), server.admin_addr());
        let running = tokio::spawn(server.run(cx.shutdown.clone()));
        Self { addr, admin, cx, running }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }

    pub fn admin_url(&self, path: &str) -> String {
        format!("http://{}{path}", self.admin)
    }
}

/// Nothing may outlive its test.
impl Drop for TestServer {
    fn drop(&mut self) {
        self.cx.shutdown.stop_hard();
    }
}

/// Keys of the services that may call a [`TestServer`]: gateway and sync-worker.
///
/// # Panics
/// Never: they are well formed.
pub fn keys() -> InternalKeys {
    let key = |seed: &str| STANDARD.encode(seed.repeat(32));
    let text = format!("gateway>connector:{},sync-worker>connector:{}", key("a"), key("b"));
    InternalKeys::parse(&text).unwrap_or_else(|error| panic!("{error}"))
}

/// What the named service signs and verifies with.
pub fn tokens(name: &str) -> InternalTokens {
    InternalTokens::new(keys(), name, Arc::new(postrider_domain::SystemClock))
}

/// A client that knows no proxy.
///
/// # Panics
/// When TLS cannot be set up.
pub fn http() -> reqwest::Client {
    postrider_runtime::tls::install();
    reqwest::Client::builder().no_proxy().build().unwrap_or_else(|error| panic!("{error}"))
}

/// Asserts a problem document and returns it.
///
/// # Panics
/// When the answer is another one.
pub async fn problem(answer: reqwest::Response, status: u16, code: &str) -> serde_json::Value {
    assert_eq!(answer.status().as_u16(), status);
    let header = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    assert_eq!(header("content-type").as_deref(), Some("application/problem+json"));
    let id = header("x-request-id").unwrap_or_default();
    let document: serde_json::Value = answer.json().await.unwrap_or_else(|error| panic!("{error}"));
    let member = |name: &str| document.get(name).unwrap_or(&serde_json::Value::Null);
    assert_eq!(member("code"), code, "{document}");
    assert_eq!(member("status"), status, "{document}");
    assert_eq!(member("request_id"), id.as_str(), "{document}");
    assert!(member("title").as_str().is_some_and(|title| !title.is_empty()), "{document}");
    document
}
