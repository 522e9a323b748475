//! A running gateway and the services behind it.

use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Arc;
use std::time::Duration;

use jsonwebtoken::{EncodingKey, Header, encode};
use postrider_domain::{Clock, Seams, Secret, SystemClock};
use postrider_gateway::App;
use postrider_gateway::config::{Config, Upstreams};
use postrider_gateway::limits::Rates;
use postrider_gateway::proxy::Bodies;
use postrider_gateway::rules::client_address::TrustedProxies;
use postrider_gateway::tunnel::Most;
use postrider_runtime::config::{DatabaseUrl, Listen, PublicUrl};
use postrider_runtime::{Context, Env, Service as _};
use postrider_testing::MockServer;
use postrider_web::Origins;
use postrider_web::client_tokens::ClientTokenRules;
use postrider_web::service_tokens::{Claims, InternalKeys, InternalTokens, Verified};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use url::Url;
use wiremock::matchers::any;
use wiremock::{Mock, Request, ResponseTemplate};

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const KEY: &str = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";

/// The services, in the order of `routes::Service`.
pub struct Services {
    pub connector: MockServer,
    pub sync_worker: MockServer,
    pub notification: MockServer,
    pub ingest: MockServer,
}

/// A running gateway. Stopped when dropped.
pub struct Gateway {
    pub origin: String,
    pub services: Services,
    pub cx: Context,
    client: reqwest::Client,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Gateway {
    pub async fn start() -> Self {
        Self::start_with(|config| config).await
    }

    pub async fn start_with(change: impl FnOnce(Config) -> Config) -> Self {
        Self::start_by(Arc::new(SystemClock), change).await
    }

    /// By another clock than the machine's.
    pub async fn start_by(clock: Arc<dyn Clock>, change: impl FnOnce(Config) -> Config) -> Self {
        // Where nothing listens: what does not need the database must not ask it.
        Self::start_on(Secret::new("postgres://gateway:x@127.0.0.1:1/postrider"), clock, change).await
    }

    /// With a database.
    pub async fn start_on(database: Secret, clock: Arc<dyn Clock>, change: impl FnOnce(Config) -> Config) -> Self {
        let services = Services {
            connector: answering().await,
            sync_worker: answering().await,
            notification: answering().await,
            ingest: answering().await,
        };
        let url = |server: &MockServer| Url::parse(&server.uri()).unwrap();
        let here: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let config = change(Config {
            listen: Listen { addr: here, admin_addr: here },
            database: DatabaseUrl { url: database, max_connections: 8, statement_timeout: Duration::from_secs(10) },
            public_url: PublicUrl(Url::parse("https://mail.example.com").unwrap()),
            upstreams: Upstreams {
                connector: url(&services.connector),
                sync_worker: url(&services.sync_worker),
                notification: url(&services.notification),
                ingest: url(&services.ingest),
            },
            socketio: vec![],
            client_tokens: ClientTokenRules::load(&Env::from_pairs([("JWT_SECRET", SECRET)])).unwrap(),
            internal_keys: keys(),
            rates: rates(10_000),
            cors: Origins::default(),
            trusted: TrustedProxies::default(),
            tunnels: Most { all: NonZeroUsize::new(20_000).unwrap(), per_address: NonZeroUsize::new(1_000).unwrap() },
            drain: Duration::from_secs(20),
            bodies: Bodies::default(),
        });
        let (sender, receiver) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
            runtime.block_on(async move {
                let cx = Context::for_tests();
                let cx = Context { seams: Seams { clock, ..cx.seams.clone() }, ..cx };
                let app = App::build(config, (), cx.clone()).await.unwrap();
                sender.send((app.addrs().0, cx)).unwrap();
                app.run().await.unwrap();
            });
        });
        let (addr, cx) = tokio::task::spawn_blocking(move || receiver.recv().unwrap()).await.unwrap();
        let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
        let client = client.timeout(Duration::from_secs(30)).build().unwrap();
        Self { origin: format!("http://{addr}"), services, cx, client, thread: Some(thread) }
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.origin))
    }

    /// `GET` as the user `ann` of the tenant `acme`.
    pub async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path).bearer_auth(token(json!({}))).send().await.unwrap()
    }

    /// Sends bytes as they are, keeps the connection open, and answers what comes back until it is closed.
    pub async fn raw(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(self.addr()).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let read = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut answer)).await;
        read.expect("an answer within 10 s").unwrap();
        String::from_utf8(answer).unwrap()
    }

    pub fn addr(&self) -> SocketAddr {
        self.origin.strip_prefix("http://").unwrap().parse().unwrap()
    }

    /// Waits for the end of a soft stop that was begun.
    pub fn join(mut self) {
        self.thread.take().unwrap().join().unwrap();
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.cx.shutdown.stop_hard();
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join();
        }
    }
}

/// The usual budgets but for that of a user.
pub fn rates(user: u32) -> Rates {
    let [user, address, sessions] = [user, 60, 300].map(|rate| NonZeroU32::new(rate).unwrap());
    Rates { user, address, sessions }
}

/// A service that answers everything with 200.
pub async fn answering() -> MockServer {
    let server = MockServer::start().await;
    let answer = ResponseTemplate::new(200).set_body_json(json!({"ok": true})).insert_header("x-own", "kept");
    Mock::given(any()).respond_with(answer).with_priority(200).mount(&server).await;
    server
}

/// The requests with this method that reached a service.
pub async fn with_method(server: &MockServer, method: &str) -> Vec<Request> {
    let mut requests = server.received_requests().await.unwrap();
    requests.retain(|request| request.method.as_str() == method);
    requests
}

/// The only request that reached a service, but for questions whether a push proves itself.
pub async fn only(server: &MockServer) -> Request {
    let mut requests = server.received_requests().await.unwrap();
    requests.retain(|request| request.method.as_str() != "HEAD");
    assert_eq!(requests.len(), 1);
    requests.remove(0)
}

/// Whom the gateway told the service it acts for.
pub fn claims_of(request: &Request, service: &str) -> Claims {
    let header = request.headers.get("authorization").unwrap().to_str().unwrap();
    let token = header.strip_prefix("Bearer ").unwrap();
    verified(token, service, Arc::new(SystemClock)).claims
}

/// What a token of the gateway's says to a service.
pub fn verified(token: &str, service: &str, clock: Arc<dyn Clock>) -> Verified {
    let verified = InternalTokens::new(keys(), service, clock).verify(token).unwrap();
    assert_eq!(verified.caller, "gateway");
    verified
}

/// A client token of `ann` at `acme`, with other or further claims.
pub fn token(more: Value) -> String {
    token_by(&SystemClock, more)
}

/// The same by another clock.
pub fn token_by(clock: &dyn Clock, more: Value) -> String {
    let now = clock.now().timestamp();
    let mut claims = json!({"sub": "ann", "tenant_id": "acme", "exp": now + 600});
    for (name, value) in more.as_object().unwrap() {
        claims[name] = value.clone();
    }
    encode(&Header::default(), &claims, &EncodingKey::from_secret(SECRET.as_bytes())).unwrap()
}

fn keys() -> InternalKeys {
    let pairs =
        ["connector", "sync-worker", "notification", "ingest-webhook"].map(|name| format!("gateway>{name}:{KEY}"));
    InternalKeys::parse(&pairs.join(",")).unwrap()
}
