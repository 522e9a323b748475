//! One world for each test: a database, a simulated Google, the service between them, and a clock that stands still.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use postrider_broker::Transport;
use postrider_broker::memory::MemoryBroker;
use postrider_connector::config::Config;
use postrider_connector::state::State;
use postrider_connector::store::migrations;
use postrider_connector::{App, Deps};
use postrider_contracts::Envelope;
use postrider_domain::{ConnectorId, MockClock, Seams, Secret, TenantId, UserId};
use postrider_gmail_sim::{MailboxSpec, SimConfig, SimServer};
use postrider_google_auth::seal::Sealer;
use postrider_runtime::config::Env;
use postrider_runtime::{ConfigErrors, Context, Service};
use postrider_storage::Spec;
use postrider_testing::db::TestDb;
use postrider_web::service_tokens::Claims;
use postrider_web::{InternalKeys, InternalTokens, Scopes};
use reqwest::Method;
use serde_json::{Value, json};

pub const ORIGIN: &str = "https://post.example";
pub const TOPIC: &str = "projects/sim-project/topics/gmail";
pub const ANN: &str = "Ann@example.com";
pub const BEN: &str = "ben@example.com";
pub const READONLY: &str = "https://www.googleapis.com/auth/gmail.readonly";
const PAIRS: [&str; 4] = ["gateway", "sync-worker", "notification", "ingest-webhook"];

/// Everything of one test. Fields drop in order: the service before its database.
pub struct World {
    pub replica: Replica,
    pub sim: SimServer,
    pub db: TestDb,
    pub clock: MockClock,
    pub http: reqwest::Client,
    pub key: Secret,
    settings: Vec<(String, String)>,
}

/// One process of the service.
pub struct Replica {
    pub base: String,
    pub state: State,
    pub broker: MemoryBroker,
    pub cx: Context,
}

impl Drop for Replica {
    fn drop(&mut self) {
        self.cx.shutdown.stop_hard();
    }
}

impl World {
    pub async fn new() -> Self {
        Self::with(&[]).await
    }

    /// A world whose service has further settings; an empty value takes a setting away.
    pub async fn with(more: &[(&str, &str)]) -> Self {
        let clock = MockClock::default();
        let mailboxes = vec![MailboxSpec::new(ANN, 0), MailboxSpec::new(BEN, 0)];
        let sim = SimServer::start(SimConfig {
            mailboxes,
            clock: Arc::new(clock.clone()),
            workers: 1,
            ..SimConfig::default()
        })
        .await
        .unwrap();
        let db = TestDb::fresh(Spec::CONNECTOR, migrations).await;
        let key = Sealer::generate_key();
        let mut settings = settings(&sim, &db, &key);
        for (name, value) in more {
            settings.retain(|(known, _)| known != name);
            settings.push(((*name).to_owned(), (*value).to_owned()));
        }
        let replica = start(&settings, &clock).await;
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self { replica, sim, db, clock, http, key, settings }
    }

    /// A second process on the same database.
    pub async fn second(&self, more: &[(&str, &str)]) -> Replica {
        start(&self.settings_with(more), &self.clock).await
    }

    /// What the service makes of these settings beside the world's own.
    pub fn load(&self, more: &[(&str, &str)]) -> Result<Config, ConfigErrors> {
        Config::load(&Env::from_pairs(self.settings_with(more)))
    }

    fn settings_with(&self, more: &[(&str, &str)]) -> Vec<(String, String)> {
        let mut settings = self.settings.clone();
        for (name, value) in more {
            settings.retain(|(known, _)| known != name);
            settings.push(((*name).to_owned(), (*value).to_owned()));
        }
        settings
    }

    pub fn state(&self) -> &State {
        &self.replica.state
    }

    pub fn token(&self, caller: &str, tenant: &str, user: &str, scopes: &str) -> Secret {
        let claims = Claims {
            tenant: Some(TenantId::parse(tenant).unwrap()),
            user: Some(UserId::parse(user).unwrap()),
            scopes: Scopes::parse(scopes),
            request_id: "test".to_owned(),
        };
        let tokens = InternalTokens::new(keys(), caller, Arc::new(self.clock.clone()));
        tokens.issue("connector", claims).unwrap()
    }

    /// A token of a service that acts for itself: no tenant, no user.
    pub fn own_token(&self, caller: &str) -> Secret {
        InternalTokens::new(keys(), caller, Arc::new(self.clock.clone())).issue("connector", Claims::default()).unwrap()
    }

    /// A call as the gateway makes it for a user of tenant `acme`.
    pub async fn call(&self, user: &str, method: &str, path: &str, body: Option<Value>) -> Answer {
        self.call_as(("acme", user), method, path, body).await
    }

    pub async fn call_as(&self, who: (&str, &str), method: &str, path: &str, body: Option<Value>) -> Answer {
        let token = self.token("gateway", who.0, who.1, "read write");
        self.send(&self.replica.base, &token, method, path, body).await
    }

    pub async fn send(&self, base: &str, token: &Secret, method: &str, path: &str, body: Option<Value>) -> Answer {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = self.http.request(method, format!("{base}{path}")).bearer_auth(token.expose());
        if let Some(body) = body {
            request = request.json(&body);
        }
        Answer::of(request.send().await.unwrap()).await
    }

    /// A token lease as sync-worker asks for it.
    pub async fn lease(&self, id: &str, newer_than: Option<i64>) -> Answer {
        let token = self.token("sync-worker", "acme", "ann", "read");
        let body = json!({"connector_id": id, "newer_than": newer_than});
        self.send(&self.replica.base, &token, "POST", "/internal/token-leases", Some(body)).await
    }

    /// Connects a simulated mailbox with a code, as a frontend does; answers the connector's id.
    pub async fn connect(&self, user: &str, address: &str) -> String {
        self.connect_as(("acme", user), address).await
    }

    pub async fn connect_as(&self, who: (&str, &str), address: &str) -> String {
        let code = self.code(address, &["openid", "email", READONLY]);
        let answer = self.call_as(who, "POST", "/api/auth/google/gmail", Some(json!({"auth_code": code}))).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body["connector_id"].as_str().unwrap().to_owned()
    }

    /// An authorisation code of a consent to these scopes, without PKCE.
    pub fn code(&self, address: &str, scopes: &[&str]) -> String {
        let sim = self.sim.sim();
        let request = postrider_gmail_sim::oauth::Authorize {
            client_id: sim.oauth.config().client_id,
            redirect_uri: format!("{ORIGIN}/gmail/auth/callback"),
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
            challenge: None,
            nonce: None,
            offline: true,
            consent: true,
        };
        sim.oauth.authorize(&self.account(address), request, sim.world.now())
    }

    pub fn account(&self, address: &str) -> postrider_gmail_sim::Account {
        self.sim.world().account(address).unwrap()
    }

    /// A bare refresh token, as an operator may have one.
    pub async fn refresh_token(&self, address: &str, scopes: &[&str]) -> String {
        let config = self.sim.sim().oauth.config();
        let code = self.code(address, scopes);
        let form = [
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", "https://post.example/gmail/auth/callback"),
            ("client_id", &config.client_id),
            ("client_secret", &config.client_secret),
        ];
        let answer = self.http.post(format!("{}/token", self.sim.base_url())).form(&form).send().await.unwrap();
        let body: Value = answer.json().await.unwrap();
        body["refresh_token"].as_str().unwrap().to_owned()
    }

    /// How often Google was asked for something.
    pub fn asked(&self, method: &str) -> u64 {
        self.sim.sim().gate.stats().methods.get(method).map_or(0, |stats| stats.calls)
    }

    /// The events of a connector's stream, in order.
    pub async fn events(&self, id: &str) -> Vec<Envelope> {
        let stream = postrider_contracts::streams::connector(id.parse::<ConnectorId>().unwrap());
        postrider_events::streams::read_events(&self.db.db, &stream, 0, 1_000).await.unwrap()
    }

    pub async fn event_types(&self, id: &str) -> Vec<String> {
        self.events(id).await.into_iter().map(|event| event.event_type).collect()
    }
}

/// An HTTP answer.
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub text: String,
    /// Null if the body is not JSON.
    pub body: Value,
}

impl Answer {
    pub async fn of(response: reqwest::Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Self { status, headers, text, body }
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    /// The members an error names.
    pub fn fields(&self) -> Vec<&str> {
        let errors = self.body["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
        errors.iter().filter_map(|error| error["field"].as_str()).collect()
    }
}

fn keys() -> InternalKeys {
    InternalKeys::parse(&key_text()).unwrap()
}

fn key_text() -> String {
    let key = |caller: &str| format!("{caller}>connector:{}", STANDARD.encode(format!("{caller:-<40}")));
    PAIRS.map(key).join(",")
}

fn settings(sim: &SimServer, db: &TestDb, key: &Secret) -> Vec<(String, String)> {
    let base = sim.base_url();
    let config = sim.sim().oauth.config();
    [
        ("CONNECTOR_ADDR", "127.0.0.1:0".to_owned()),
        ("CONNECTOR_ADMIN_ADDR", "127.0.0.1:0".to_owned()),
        ("CONNECTOR_DATABASE_URL", db.url.expose().to_owned()),
        ("AMQP_URL", "amqp://unused".to_owned()),
        ("INTERNAL_KEYS", key_text()),
        ("ENCRYPTION_KEYS", key.expose().to_owned()),
        ("APP_PUBLIC_URL", ORIGIN.to_owned()),
        ("GOOGLE_CLIENT_ID", config.client_id),
        ("GOOGLE_CLIENT_SECRET", config.client_secret),
        ("GOOGLE_AUTH_URL", format!("{base}/o/oauth2/v2/auth")),
        ("GOOGLE_TOKEN_URL", format!("{base}/token")),
        ("GOOGLE_REVOKE_URL", format!("{base}/revoke")),
        ("GOOGLE_JWKS_URL", format!("{base}/oauth2/v3/certs")),
        ("GMAIL_API_URL", format!("{base}/")),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec()
}

async fn start(settings: &[(String, String)], clock: &MockClock) -> Replica {
    let config = Config::load(&Env::from_pairs(settings.to_vec())).unwrap();
    let mut cx = Context::for_tests();
    cx.seams = Seams { clock: Arc::new(clock.clone()), ..Seams::system() };
    let broker = MemoryBroker::start(&cx);
    let transport: Arc<dyn Transport> = Arc::new(broker.clone());
    let app = App::build(config, Deps { transport }, cx.clone()).await.unwrap();
    let (base, state) = (format!("http://{}", app.addrs().0), app.state().clone());
    cx.tasks.spawn("service", app.run());
    Replica { base, state, broker, cx }
}

/// Long enough for a loaded machine, short enough to fail a run.
pub const PATIENCE: Duration = Duration::from_secs(20);
