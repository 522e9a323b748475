//! A running intake, a stand-in for Google's keys, and signed pushes.

use std::net::SocketAddr;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use postrider_broker::{BrokerState, PublishError, Publisher};
use postrider_contracts::Envelope;
use postrider_domain::{Clock as _, Secret, SystemClock};
use postrider_google_auth::oidc::PushRules;
use postrider_ingest_webhook::config::Config;
use postrider_ingest_webhook::state::State;
use postrider_ingest_webhook::{App, Deps};
use postrider_runtime::config::{Amqp, Listen};
use postrider_runtime::{Context, Service as _};
use postrider_testing::MockServer;
use postrider_web::InternalKeys;
use postrider_web::body::BodyRules;
use rsa::pkcs1::EncodeRsaPrivateKey as _;
use rsa::traits::PublicKeyParts as _;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use wiremock::matchers::path;
use wiremock::{Mock, ResponseTemplate};

pub const AUDIENCE: &str = "https://mail.example.com/api/email/webhook/google/pubsub";
pub const ACCOUNT: &str = "push@project.iam.gserviceaccount.com";
pub const SUBSCRIPTION: &str = "projects/p/subscriptions/s";
pub const PATHS: [&str; 3] =
    ["/api/email/webhook/google/pubsub", "/api/email/webhook/google", "/api/v1/gmail/watch/webhook"];

/// Google's key pair and a stranger's, made once: that takes a while.
pub static GOOGLE: LazyLock<Signer> = LazyLock::new(Signer::new);
pub static STRANGER: LazyLock<Signer> = LazyLock::new(Signer::new);

pub struct Signer(rsa::RsaPrivateKey);

impl Signer {
    fn new() -> Self {
        Self(rsa::RsaPrivateKey::new(&mut rsa::rand_core::OsRng, 2048).unwrap())
    }

    pub fn sign_as(&self, kid: &str, claims: &Value) -> String {
        let key = EncodingKey::from_rsa_der(self.0.to_pkcs1_der().unwrap().as_bytes());
        encode(&Header { kid: Some(kid.to_owned()), ..Header::new(Algorithm::RS256) }, claims, &key).unwrap()
    }

    pub fn public_bytes(&self) -> Vec<u8> {
        self.0.n().to_bytes_be()
    }

    fn jwks(&self) -> Value {
        let part = |number: &rsa::BigUint| BASE64_URL_SAFE_NO_PAD.encode(number.to_bytes_be());
        json!({"keys": [{"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "k1",
            "n": part(self.0.n()), "e": part(self.0.e())}]})
    }
}

/// A publisher that confirms everything and remembers it.
#[derive(Default)]
pub struct Remembering(Mutex<Vec<Envelope>>);

impl Remembering {
    pub fn events(&self) -> Vec<Envelope> {
        self.0.lock().unwrap().clone()
    }
}

#[async_trait]
impl Publisher for Remembering {
    async fn publish(&self, batch: Vec<Envelope>) -> Vec<Result<(), PublishError>> {
        let results = batch.iter().map(|_| Ok(())).collect();
        self.0.lock().unwrap().extend(batch);
        results
    }

    fn state(&self) -> BrokerState {
        BrokerState::Ready
    }
}

/// A running intake. Stopped when dropped.
pub struct Intake {
    pub origin: String,
    pub client: reqwest::Client,
    pub state: State,
    cx: Context,
    _google: MockServer,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Intake {
    /// Over a publisher of the test's.
    pub async fn over(publisher: Arc<dyn Publisher>) -> Self {
        Self::start(|config| config, Some(publisher)).await
    }

    /// Over RabbitMQ at this address.
    pub async fn on(amqp_url: Secret) -> Self {
        Self::start(|config| Config { amqp: Amqp { url: amqp_url }, ..config }, None).await
    }

    pub async fn start(change: impl FnOnce(Config) -> Config, publisher: Option<Arc<dyn Publisher>>) -> Self {
        let google = MockServer::start().await;
        let keys =
            ResponseTemplate::new(200).insert_header("cache-control", "max-age=3600").set_body_json(GOOGLE.jwks());
        Mock::given(path("/certs")).respond_with(keys).mount(&google).await;
        let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let config = change(Config {
            listen: Listen { addr: any, admin_addr: any },
            amqp: Amqp { url: Secret::new("amqp://127.0.0.1:1") },
            jwks_url: format!("{}/certs", google.uri()).parse().unwrap(),
            rules: PushRules {
                audience: AUDIENCE.to_owned(),
                service_account: Some(ACCOUNT.parse().unwrap()),
                issuer: "https://accounts.google.com".to_owned(),
            },
            subscription: Some(SUBSCRIPTION.to_owned()),
            internal_keys: Some(gateways_key()),
            channels: None,
            pull: None,
            bodies: BodyRules::up_to(1024 * 1024),
        });
        let (sender, receiver) = std::sync::mpsc::channel();
        // A thread and runtime of its own, as in a process: the test's runtime may be busy waiting.
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
            runtime.block_on(async move {
                let cx = Context::for_tests();
                let app = match publisher {
                    Some(publisher) => App::build(config, Deps { publisher }, cx.clone()).await.unwrap(),
                    None => {
                        let deps = App::deps(&config, &cx).unwrap();
                        App::build(config, deps, cx.clone()).await.unwrap()
                    }
                };
                sender.send((app.addrs().0, app.state().clone(), cx)).unwrap();
                app.run().await.unwrap();
            });
        });
        let (addr, state, cx) = tokio::task::spawn_blocking(move || receiver.recv().unwrap()).await.unwrap();
        let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(20)).build().unwrap();
        Self { origin: format!("http://{addr}"), client, state, cx, _google: google, thread: Some(thread) }
    }

    /// Sends bytes as they are, keeps the connection open, and answers what comes back until it is closed.
    pub async fn raw(&self, request: &str) -> String {
        let mut stream = tokio::net::TcpStream::connect(self.origin.strip_prefix("http://").unwrap()).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let read = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut answer)).await;
        read.expect("an answer within 10 s").unwrap();
        String::from_utf8(answer).unwrap()
    }

    /// Sends a body with a token; answers the status.
    pub async fn push(&self, token: Option<&str>, body: impl Into<reqwest::Body>) -> u16 {
        self.push_to(PATHS[0], token, body).await.status().as_u16()
    }

    /// Asks whether a push with this token would be taken.
    pub async fn prove(&self, path: &str, token: Option<&str>) -> u16 {
        let mut request = self.client.head(format!("{}{path}", self.origin));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        request.send().await.unwrap().status().as_u16()
    }

    pub async fn push_to(&self, path: &str, token: Option<&str>, body: impl Into<reqwest::Body>) -> reqwest::Response {
        let mut request = self.client.post(format!("{}{path}", self.origin)).body(body);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        request.send().await.unwrap()
    }

    pub async fn is_ready(&self) -> bool {
        self.client.get(format!("{}/health/ready", self.origin)).send().await.unwrap().status().is_success()
    }

    /// Waits until a push would be stored.
    pub async fn ready(&self) {
        postrider_testing::eventually("the intake to be ready", Duration::from_secs(60), || async {
            self.is_ready().await.then_some(())
        })
        .await;
    }
}

impl Drop for Intake {
    fn drop(&mut self) {
        self.cx.shutdown.stop_hard();
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join();
        }
    }
}

/// The key that the gateway and the intake share.
pub fn gateways_key() -> InternalKeys {
    InternalKeys::parse("gateway>ingest-webhook:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=").unwrap()
}

/// What a genuine token says.
pub fn claims() -> Value {
    let now = SystemClock.now().timestamp();
    json!({"iss": "https://accounts.google.com", "aud": AUDIENCE, "email": ACCOUNT, "email_verified": true,
        "iat": now, "exp": now + 3_600, "sub": "1", "azp": "1"})
}

/// A genuine token.
pub fn token() -> String {
    GOOGLE.sign_as("k1", &claims())
}

/// A push in Pub/Sub's envelope.
pub fn push(message_id: &str, history_id: u64) -> String {
    let data = BASE64_STANDARD.encode(json!({"emailAddress": "Ann@Example.com", "historyId": history_id}).to_string());
    let message = json!({"data": data, "messageId": message_id, "publishTime": "2026-11-21T03:04:05.678Z"});
    json!({"message": message, "subscription": SUBSCRIPTION}).to_string()
}
