//! A world for the routes: a simulated Google, real Postgres and RabbitMQ, the service itself, and a stand-in for
//! connector that tells of accounts and leases their tokens.

mod answer;
mod neighbours;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use postrider_broker::{Broker, BrokerConfig, Publisher};
use postrider_contracts::connector::{ConnectorConnected, ConnectorState, Settings};
use postrider_contracts::ingest::MailboxChanged;
use postrider_contracts::{Envelope, Position, TraceContext, streams};
use postrider_domain::{Clock, ConnectorId, EventId, IdGen, SystemClock, SystemIds};
use postrider_gmail_sim::{MailboxSpec, SimConfig, SimServer, Sizes};
use postrider_runtime::config::Env;
use postrider_runtime::{Context, Service};
use postrider_storage::{Spec, Statement, Value as Column};
use postrider_sync_worker::App;
use postrider_sync_worker::config::Config;
use postrider_testing::db::TestDb;
use postrider_testing::{MockServer, TestVhost, eventually};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;

pub use self::answer::{Answer, members};
pub use self::neighbours::{Account, token};

/// Longest any condition may take on a loaded machine.
pub const SOON: Duration = Duration::from_secs(30);
pub const ANN: &str = "ann@example.com";
pub const BEN: &str = "ben@example.com";

/// Everything of one test.
pub struct World {
    pub sim: SimServer,
    pub db: TestDb,
    pub base: String,
    pub http: Client,
    /// What the service was started with.
    pub settings: Vec<(&'static str, String)>,
    service: Context,
    outside: Context,
    publisher: Arc<dyn Publisher>,
    versions: Mutex<HashMap<ConnectorId, i64>>,
    /// Whose tokens connector leases.
    leasable: Arc<Mutex<HashMap<ConnectorId, String>>>,
    _connector: MockServer,
    _vhost: TestVhost,
}

impl World {
    /// A world whose mailboxes have so many mails at the start.
    pub async fn new(mailboxes: &[(&str, u32)]) -> Self {
        let spec =
            |(address, size): &(&str, u32)| MailboxSpec { sizes: Sizes::Small, ..MailboxSpec::new(*address, *size) };
        let mailboxes = mailboxes.iter().map(spec).collect();
        let sim = SimServer::start(SimConfig { mailboxes, workers: 1, ..SimConfig::default() }).await.unwrap();
        let (db, vhost) = tokio::join!(
            TestDb::fresh(Spec::SYNC_WORKER, postrider_sync_worker::store::migrations),
            TestVhost::fresh()
        );
        let (connector, leasable) = neighbours::connector(sim.sim().clone()).await;
        let outside = Context::for_tests();
        let broker = Broker::start(BrokerConfig { url: vhost.amqp_url(), service: "outside" }, &outside);
        broker.ready().await;
        let settings = [
            ("SYNC_WORKER_ADDR", "127.0.0.1:0".to_owned()),
            ("SYNC_WORKER_ADMIN_ADDR", "127.0.0.1:0".to_owned()),
            ("SYNC_WORKER_DATABASE_URL", db.url.expose().to_owned()),
            ("AMQP_URL", vhost.amqp_url().expose().to_owned()),
            ("INTERNAL_KEYS", neighbours::key_text()),
            ("CONNECTOR_URL", connector.uri()),
            ("GMAIL_API_URL", format!("{}/", sim.base_url())),
            ("GMAIL_QUOTA", "user=600000,project=6000000".to_owned()),
        ];
        let config = Config::load(&Env::from_pairs(settings.clone())).unwrap();
        let service = Context::for_tests();
        let deps = App::deps(&config, &service).unwrap();
        let app = App::build(config, deps, service.clone()).await.unwrap();
        let base = format!("http://{}", app.addrs().0);
        service.tasks.spawn("service", app.run());
        Self {
            sim,
            db,
            base,
            http: Client::builder().no_proxy().build().unwrap(),
            settings: settings.to_vec(),
            service,
            outside,
            publisher: broker.publisher(),
            versions: Mutex::default(),
            leasable,
            _connector: connector,
            _vhost: vhost,
        }
    }

    /// The service ends; what it was at is left to another.
    pub fn stop_service(&self) {
        self.service.shutdown.stop_softly();
    }

    /// A world with one connected account, synced.
    pub async fn with_account(size: u32) -> (Self, Account) {
        let world = Self::new(&[(ANN, size)]).await;
        let ann = world.connect("acme", "ann", ANN).await;
        (world, ann)
    }

    /// connector says that an account was connected; waits for its first sync, and until nobody works on it any more.
    pub async fn connect(&self, tenant: &str, user: &str, address: &str) -> Account {
        let account = Account::new(tenant, user, address);
        self.leasable.lock().unwrap().insert(account.id, address.to_owned());
        self.tell(&account, "active", Settings::default()).await;
        eventually("the first sync", SOON, || async {
            let runs = self.get(&account, &format!("/api/v1/sync-runs?connector_id={}", account.id)).await;
            (runs.body["data"][0]["state"] == "completed").then_some(())
        })
        .await;
        eventually("the mailbox rests", SOON, || async {
            let text = format!(
                "SELECT 1::bigint AS value FROM mailbox.mailboxes WHERE connector_id = '{}' AND lease_owner IS NULL AND due_at > now()",
                account.id
            );
            self.number(&text).await
        })
        .await;
        account
    }

    /// connector says something new of an account; waits until it is taken.
    pub async fn tell(&self, account: &Account, status: &str, settings: Settings) {
        let version = {
            let mut versions = self.versions.lock().unwrap();
            let version = versions.entry(account.id).or_insert(0);
            *version += 1;
            *version
        };
        let sub = self.sim.world().account(&account.address).map_or_else(|| "none".to_owned(), |known| known.sub);
        let state = ConnectorState {
            version,
            connector_id: account.id.to_string(),
            owner: account.user.to_string(),
            google_sub: sub,
            email_address: account.address.clone(),
            status: status.to_owned(),
            settings: Some(settings),
            ..ConnectorState::default()
        };
        let connected = ConnectorConnected { connector: Some(state) };
        let mut event = Envelope::of(EventId(SystemIds.uuid()), SystemClock.now(), &connected).owned_by(
            account.tenant.clone(),
            account.user.clone(),
            Some(account.id),
        );
        event.position = Some(Position { stream: streams::connector(account.id), seq: version });
        self.publish(event).await;
        eventually("connector's news", SOON, || async {
            let text = format!(
                "SELECT connector_version AS value FROM mailbox.mailboxes WHERE connector_id = '{}'",
                account.id
            );
            (self.number(&text).await == Some(version)).then_some(())
        })
        .await;
    }

    /// Gmail pushes: the mailbox changed up to this history id.
    pub async fn push(&self, address: &str, history_id: u64, trace: Option<TraceContext>) {
        let push = MailboxChanged {
            email_address: address.to_owned(),
            history_id,
            source_message_id: SystemIds.uuid().to_string(),
            published_at_ms: SystemClock.now().timestamp_millis(),
            source: "pubsub".to_owned(),
        };
        self.publish(Envelope::of(EventId(SystemIds.uuid()), SystemClock.now(), &push).traced(trace)).await;
    }

    async fn publish(&self, event: Envelope) {
        for result in self.publisher.publish(vec![event]).await {
            result.unwrap();
        }
    }

    /// Brings the mirror up to date with what the simulator has now.
    pub async fn sync(&self, account: &Account) -> Value {
        let answer = self.post(account, &format!("/gmail/sync/deleted?connector_id={}", account.id), None).await;
        assert_eq!((answer.status, answer.body["status"].as_str()), (200, Some("completed")), "{}", answer.text());
        answer.body
    }

    /// A request as the gateway sends it for a user.
    pub fn request(&self, who: &Account, scopes: &str, method: Method, path: &str) -> RequestBuilder {
        let token = token(&who.tenant, &who.user, scopes);
        self.http.request(method, format!("{}{path}", self.base)).bearer_auth(token)
    }

    pub async fn get(&self, who: &Account, path: &str) -> Answer {
        Answer::of(self.request(who, "read write", Method::GET, path)).await
    }

    pub async fn post(&self, who: &Account, path: &str, body: Option<Value>) -> Answer {
        let request = self.request(who, "read write", Method::POST, path);
        Answer::of(if let Some(body) = body { request.json(&body) } else { request }).await
    }

    /// Our id of a mail.
    pub async fn email_id(&self, who: &Account, message_id: impl std::fmt::Display) -> String {
        let path = format!("/api/v1/emails?message_id={message_id}&include_spam_trash=true&include_deleted=true");
        let answer = self.get(who, &path).await;
        answer.body["data"][0]["id"].as_str().unwrap_or_else(|| panic!("no mail {message_id}")).to_owned()
    }

    /// Runs a statement behind the service's back.
    pub async fn execute(&self, text: &str) {
        Statement::dynamic(text.to_owned()).execute(&self.db.admin().await).await.unwrap();
    }

    /// The column `value` of the only row.
    pub async fn number(&self, text: &str) -> Option<i64> {
        let row = Statement::dynamic(text.to_owned()).optional::<Column<i64>>(&self.db.admin().await).await.unwrap();
        row.map(|row| row.0)
    }

    /// The column `value` of the only row, a text.
    pub async fn text(&self, text: &str) -> String {
        Statement::dynamic(text.to_owned()).get_result::<Column<String>>(&self.db.admin().await).await.unwrap().0
    }

    /// The column `value` of the only row, as the service's role sees it that has entered this tenant.
    pub async fn as_tenant(&self, tenant: &str, text: &str) -> i64 {
        let conn = self.db.admin().await;
        for enter in ["SET ROLE sync_worker_tenant".to_owned(), format!("SET postrider.tenant = '{tenant}'")] {
            Statement::dynamic(enter).execute(&conn).await.unwrap();
        }
        Statement::dynamic(text.to_owned()).get_result::<Column<i64>>(&conn).await.unwrap().0
    }

    /// Everything that a request could change, as one text.
    pub async fn digest(&self) -> String {
        let tables =
            ["emails", "email_sources", "email_labels", "sync_runs", "changes", "notification_queue", "ledger"];
        let mut parts = tables
            .map(|table| {
                format!("(SELECT coalesce(string_agg(t::text, '|' ORDER BY t::text), '') FROM mailbox.{table} t)")
            })
            .to_vec();
        // The due time of a mailbox moves by itself, its marks only when somebody asks.
        parts.push(
            "(SELECT string_agg(connector_id || ' ' || requested, '|' ORDER BY 1) FROM mailbox.mailboxes)".to_owned(),
        );
        let text = format!("SELECT md5({}) AS value", parts.join(" || "));
        Statement::dynamic(text).get_result::<Column<String>>(&self.db.admin().await).await.unwrap().0
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.service.shutdown.stop_hard();
        self.outside.shutdown.stop_hard();
    }
}
