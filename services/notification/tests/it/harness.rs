//! A world of one test: its database, its vhost, its producer, and as many replicas of the service as it wants.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use futures_util::{SinkExt, StreamExt};
use postrider_broker::{Broker, BrokerConfig, Live, Publisher};
use postrider_contracts::Event;
use postrider_domain::{Secret, TenantId};
use postrider_notification::actions::Actions;
use postrider_notification::channels::email::MailSettings;
use postrider_notification::channels::socket::Settings;
use postrider_notification::channels::web_push::{PushHosts, VapidKeys};
use postrider_notification::channels::webhook::Reach;
use postrider_notification::config::Config;
use postrider_notification::deliveries::WebhookKeys;
use postrider_notification::hints::{Announcer, Hub, ReplicaId};
use postrider_notification::metrics::Metrics;
use postrider_notification::reconnect::ReconnectLinks;
use postrider_notification::{App, Deps};
use postrider_runtime::config::{DatabaseUrl, Env, Listen, PublicUrl};
use postrider_runtime::{Context, Service};
use postrider_storage::{Spec, Value};
use postrider_testing::db::TestDb;
use postrider_testing::{TestVhost, eventually};
use postrider_web::client_tokens::ClientTokenRules;
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::Message;

use crate::client::{Socket, Ws};
use crate::mail_server::Links;
use crate::producer::{Account, Producer};
use crate::texts::Texts;
use crate::tokens;

/// Longest any condition may take.
pub const SOON: Duration = Duration::from_secs(15);

pub struct World {
    pub db: TestDb,
    pub vhost: TestVhost,
    pub producer: Producer,
    pub publisher: Arc<dyn Publisher>,
    pub live: Live,
    /// None, unless a test is about it.
    pub spam_hold: TimeDelta,
    /// What mails say.
    pub texts: Texts,
    /// Its mail server; none, unless a test is about it.
    pub mail: Option<MailSettings>,
    pub reconnect: Arc<dyn ReconnectLinks>,
    /// Without keys to push with and to seal secrets with, if a test is about that.
    pub keyless: bool,
    outside: Context,
}

/// Short times, so that no test waits for real ones.
pub fn settings() -> Settings {
    Settings {
        authenticate_within: Duration::from_secs(2),
        check_every: Duration::from_secs(600),
        housekeeping: Duration::from_millis(100),
        slow_after: Duration::from_secs(2),
        acknowledge_within: Duration::from_secs(2),
        drain: Duration::from_millis(500),
        ..Settings::default()
    }
}

/// A key to seal webhook secrets with, the same for all replicas of a test.
pub fn keys() -> WebhookKeys {
    let key = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
    WebhookKeys::load(&Env::from_pairs([("NOTIFICATION_ENCRYPTION_KEYS", key)])).unwrap()
}

/// A key to push with.
pub fn vapid() -> VapidKeys {
    let key = ("VAPID_PRIVATE_KEY", "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw");
    VapidKeys::load(&Env::from_pairs([key, ("VAPID_SUBJECT", "mailto:ops@example.com")])).unwrap()
}

/// Push services of tests.
pub fn push_hosts() -> PushHosts {
    PushHosts::parse(["push.example", "127.0.0.1", "localhost", "[::1]"]).unwrap()
}

impl World {
    pub async fn new() -> Self {
        let (db, vhost) = tokio::join!(
            TestDb::fresh(Spec::NOTIFICATION, postrider_notification::store::migrations),
            TestVhost::fresh()
        );
        let outside = Context::for_tests();
        let broker = Broker::start(BrokerConfig { url: vhost.amqp_url(), service: "outside" }, &outside);
        broker.ready().await;
        Self {
            db,
            vhost,
            producer: Producer::default(),
            publisher: broker.publisher(),
            live: broker.live(),
            spam_hold: TimeDelta::zero(),
            texts: Texts::default(),
            mail: None,
            reconnect: Arc::new(Links::default()),
            keyless: false,
            outside,
        }
    }

    pub async fn replica(&self, settings: Settings) -> Replica {
        self.replica_on(settings, self.vhost.amqp_url()).await
    }

    /// A replica with a broker of its own choice.
    pub async fn replica_on(&self, socket: Settings, amqp: Secret) -> Replica {
        self.replica_at(socket, amqp, "127.0.0.1:0").await
    }

    /// The same at a given address of its Socket.IO listener.
    pub async fn replica_at(&self, socket: Settings, amqp: Secret, socket_addr: &str) -> Replica {
        let cx = Context::for_tests();
        let nowhere = "http://127.0.0.1:9/".parse::<url::Url>().unwrap();
        let anywhere = "127.0.0.1:0".parse().unwrap();
        let nothing = Env::from_pairs([("LOG_LEVEL", "info")]);
        let rules = ClientTokenRules::load(&Env::from_pairs([("JWT_SECRET", tokens::JWT_SECRET)])).unwrap();
        let config = Config {
            listen: Listen { addr: anywhere, admin_addr: anywhere },
            socket_addr: socket_addr.parse().unwrap(),
            database: DatabaseUrl {
                url: self.db.url.clone(),
                max_connections: 8,
                statement_timeout: Duration::from_secs(30),
            },
            amqp,
            internal_keys: tokens::internal_keys(),
            client_tokens: rules,
            connector: nowhere.clone(),
            sync_worker: nowhere,
            socket,
            retention: TimeDelta::days(30),
            stream_check: Duration::from_millis(300),
            webhook_keys: if self.keyless { WebhookKeys::load(&nothing).unwrap() } else { keys() },
            webhook_reach: Reach::Anywhere,
            vapid: if self.keyless { VapidKeys::default() } else { vapid() },
            push_hosts: push_hosts(),
            spam_hold: self.spam_hold,
            mail: self.mail.clone(),
            digests: false,
            public: PublicUrl("https://mail.example.com".parse().unwrap()),
        };
        let broker = Broker::start(BrokerConfig { url: config.amqp.clone(), service: "notification" }, &cx);
        let deps = Deps {
            transport: Arc::new(broker),
            connector: Arc::new(self.producer.clone()),
            sync_worker: Arc::new(self.producer.clone()),
            reconnect: self.reconnect.clone(),
            mail_texts: Arc::new(self.texts.clone()),
        };
        let app = Box::pin(App::build(config, deps, cx.clone())).await.unwrap();
        let ((addr, _admin), socket_addr) = (app.addrs(), app.socket_addr());
        #[expect(clippy::disallowed_methods, reason = "the harness stops it itself")]
        let running = tokio::spawn(Box::pin(app.run()));
        Replica { api: format!("http://{addr}"), socket_url: format!("{socket_addr}"), cx, running: Some(running) }
    }

    /// What a replica does its jobs with, without its listeners.
    pub fn actions(&self) -> Actions {
        let announcer = Announcer::new(Hub::default(), self.live.clone(), ReplicaId(uuid::Uuid::nil()));
        let metrics = Arc::new(Metrics::new(&Context::for_tests().registry));
        Actions::new(self.outside.seams.clone(), announcer, metrics, TimeDelta::days(30))
    }

    /// Sends an event through the broker.
    pub async fn send<E: Event>(&self, account: &Account, event: &E) {
        self.producer.send(&self.publisher, account, event).await;
    }

    /// Gives a user that many notifications at once, as if told long ago: `m0`, `m1`, …
    pub async fn fill(&self, account: &Account, count: i64) {
        let text = "WITH n AS (SELECT n, gen_random_uuid() AS id FROM generate_series(1, $4::bigint) n), \
             u AS (INSERT INTO notification.users (tenant, user_id, epoch, nseq, unread, created_at, updated_at) \
                   VALUES ($1, $2, gen_random_uuid(), $4, $4, now(), now())), \
             r AS (INSERT INTO notification.notifications (tenant, id, user_id, account_id, type, business_key, title, \
                       message, created_nseq, nseq, expires_at, decision, created_at, updated_at) \
                   SELECT $1, id, $2, $3, 'new_message', 'm' || n - 1, 't', 'm', n, n, now() + interval '30 days', '[]', \
                          now(), now() FROM n) \
             INSERT INTO notification.user_log (tenant, user_id, nseq, kind, room, event, payload, notification_id, \
                       account_id, unread, created_at) \
             SELECT $1, $2, n, 'created', 'notifications', 'notification:new_message', \
                    jsonb_build_object('notificationId', id, 'messageId', 'm' || n - 1), id, $3, n, now() FROM n";
        postrider_storage::Statement::dynamic(text.to_owned())
            .binds((&account.tenant, &account.user, account.id, count))
            .execute(&self.db.admin().await)
            .await
            .unwrap();
    }

    /// Waits until the user has that many notifications.
    pub async fn notified(&self, account: &Account, count: i64) {
        eventually(&format!("{count} notifications"), SOON, || async {
            (self.count(&account.tenant, "notifications").await == count).then_some(())
        })
        .await;
    }

    /// Rows of a table in the eyes of a tenant.
    pub async fn count(&self, tenant: &TenantId, table: &str) -> i64 {
        let tx = self.db.db.tenant(tenant).await.unwrap();
        let text = format!("SELECT count(*) AS value FROM {table}");
        let Value(count) = postrider_storage::Statement::dynamic(text).get_result(&tx).await.unwrap();
        tx.commit().await.unwrap();
        count
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.outside.shutdown.stop_hard();
    }
}

pub struct Replica {
    pub api: String,
    pub socket_url: String,
    pub cx: Context,
    running: Option<JoinHandle<anyhow::Result<()>>>,
}

impl Replica {
    /// A request as the gateway sends it for that user.
    pub fn request(&self, account: &Account, method: Method, path: &str) -> RequestBuilder {
        self.request_with(&tokens::internal(account, "read write"), method, path)
    }

    pub fn request_with(&self, token: &str, method: Method, path: &str) -> RequestBuilder {
        let client = Client::builder().no_proxy().build().unwrap();
        client.request(method, format!("{}{path}", self.api)).bearer_auth(token)
    }

    /// GET that must answer 200.
    pub async fn get(&self, account: &Account, path: &str) -> serde_json::Value {
        self.call(self.request(account, Method::GET, path), StatusCode::OK).await
    }

    /// POST that must answer 200.
    pub async fn post(&self, account: &Account, path: &str) -> serde_json::Value {
        self.call(self.request(account, Method::POST, path), StatusCode::OK).await
    }

    pub async fn call(&self, request: RequestBuilder, status: StatusCode) -> serde_json::Value {
        let answer = request.send().await.unwrap();
        let got = answer.status();
        let text = answer.text().await.unwrap();
        assert_eq!(got, status, "{text}");
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// An authenticated socket, subscribed to notifications; waits until that is confirmed.
    pub async fn subscribed(&self, account: &Account) -> Socket {
        let mut socket = self.authenticated(account).await;
        socket.subscribe(&format!("user:{}:notifications", account.user)).await;
        socket
    }

    pub async fn authenticated(&self, account: &Account) -> Socket {
        let auth = serde_json::json!({ "token": tokens::client(account) });
        let mut socket = Socket::connect(&self.socket_url, &auth).await;
        socket.expect("authenticated").await;
        socket
    }

    /// A websocket that has asked for its room and not read any answer yet.
    pub async fn subscribed_raw(&self, account: &Account) -> Ws {
        let url = format!("ws://{}/socket.io/?EIO=4&transport=websocket", self.socket_url);
        let (mut ws, _) = tokio_tungstenite::connect_async(url).await.unwrap();
        let auth = serde_json::json!({ "token": tokens::client(account) });
        let room = format!("42[\"subscribe\",{{\"room\":\"user:{}:notifications\"}}]", account.user);
        ws.send(Message::text(format!("40{auth}"))).await.unwrap();
        loop {
            let Some(Ok(Message::Text(text))) = ws.next().await else { panic!("closed") };
            match text.as_str() {
                "2" => ws.send(Message::text("3")).await.unwrap(),
                text if text.starts_with("42[\"authenticated\"") => break,
                _ => {}
            }
        }
        ws.send(Message::text(room)).await.unwrap();
        ws
    }

    /// Waits until hints of the account's tenant come back from the broker (to another user's socket): from now on no
    /// first connection is under way that would make sessions look by themselves.
    pub async fn hears_hints(&self, account: &Account) {
        let warm = Account { user: postrider_domain::UserId::parse("warm").unwrap(), ..account.clone() };
        let _socket = self.authenticated(&warm).await;
        eventually("a hint through the broker", SOON, || async {
            let body = serde_json::json!({ "title": "first", "message": "hint" });
            let request = self.request(&warm, Method::POST, "/api/notifications").json(&body);
            self.call(request, StatusCode::CREATED).await;
            self.heard().then_some(())
        })
        .await;
    }

    fn heard(&self) -> bool {
        let text = postrider_runtime::telemetry::metrics::text(&self.cx.registry);
        text.lines().any(|line| line.starts_with("postrider_broker_live_total{result=\"received\"}"))
    }

    /// A metric's value, summed over its labels.
    pub fn metric(&self, name: &str) -> f64 {
        let text = postrider_runtime::telemetry::metrics::text(&self.cx.registry);
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        lines
            .filter(|line| line.split(['{', ' ']).next() == Some(name))
            .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
            .sum()
    }

    /// Stops softly and waits for the end.
    pub async fn stop(mut self) {
        self.cx.shutdown.stop_softly();
        if let Some(running) = self.running.take() {
            tokio::time::timeout(SOON, running).await.unwrap().unwrap().unwrap();
        }
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        self.cx.shutdown.stop_hard();
    }
}
