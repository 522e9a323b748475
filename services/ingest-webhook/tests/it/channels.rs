//! Header-style channels: opened for one's own accounts, and what becomes of their notices.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use chrono::TimeDelta;
use futures_util::future::join_all;
use postrider_broker::{BrokerState, PublishError, Publisher};
use postrider_contracts::Envelope;
use postrider_contracts::ingest::MailboxChanged;
use postrider_domain::{MockClock, TenantId, UserId};
use postrider_ingest_webhook::config::{ChannelSettings, Config};
use postrider_ingest_webhook::jobs::check_channels;
use postrider_ingest_webhook::store::{SPEC, migrations};
use postrider_runtime::config::{DatabaseUrl, ServiceUrl};
use postrider_storage::{Statement, Value as One};
use postrider_testing::MockServer;
use postrider_testing::db::TestDb;
use postrider_web::service_tokens::Claims;
use postrider_web::{InternalKeys, InternalTokens, Scopes};
use serde_json::{Value, json};
use wiremock::matchers::{method, path};
use wiremock::{Mock, ResponseTemplate};

use crate::harness::{Intake, PATHS, Remembering};

const CHANNELS: &str = "/api/v1/gmail/watch/channels";
const ANNS: &str = "018f0000-0000-7000-8000-00000000000a";

/// Confirms only while the broker is there.
#[derive(Default)]
struct Broker {
    away: AtomicBool,
    holds: Remembering,
}

#[async_trait]
impl Publisher for Broker {
    async fn publish(&self, batch: Vec<Envelope>) -> Vec<Result<(), PublishError>> {
        match self.away.load(Ordering::SeqCst) {
            true => batch.iter().map(|_| Err(PublishError::Unavailable)).collect(),
            false => self.holds.publish(batch).await,
        }
    }

    fn state(&self) -> BrokerState {
        BrokerState::Ready
    }
}

struct World {
    intake: Intake,
    broker: Arc<Broker>,
    connector: MockServer,
    db: TestDb,
}

fn keys() -> InternalKeys {
    const KEY: &str = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
    InternalKeys::parse(&format!("gateway>ingest-webhook:{KEY},ingest-webhook>connector:{KEY}")).unwrap()
}

fn account(id: &str, address: &str, status: &str) -> Value {
    json!({"id": id, "email_address": address, "status": status, "type": "email"})
}

impl World {
    async fn new() -> Self {
        let (connector, db) = (MockServer::start().await, TestDb::fresh(SPEC, migrations).await);
        let broker = Arc::new(Broker::default());
        let settings = ChannelSettings {
            database: DatabaseUrl {
                url: db.url.clone(),
                max_connections: 8,
                statement_timeout: Duration::from_secs(10),
            },
            connector: ServiceUrl(connector.uri().parse().unwrap()),
            url: "https://mail.example.com/api/v1/gmail/watch/webhook".to_owned(),
        };
        let change = |config| Config { channels: Some(settings), internal_keys: Some(keys()), ..config };
        let intake = Intake::start(change, Some(broker.clone())).await;
        let world = Self { intake, broker, connector, db };
        world.knows(&[account(ANNS, "Ann@Example.com", "active")]).await;
        world
    }

    /// What connector answers from now on, whoever asks.
    async fn knows(&self, accounts: &[Value]) {
        self.connector.reset().await;
        let list = ResponseTemplate::new(200).set_body_json(json!({"data": accounts, "next_cursor": null}));
        Mock::given(method("GET")).and(path("/api/connectors")).respond_with(list).mount(&self.connector).await;
        for account in accounts {
            let one = ResponseTemplate::new(200).set_body_json(account);
            let at = format!("/api/connectors/{}", account["id"].as_str().unwrap());
            Mock::given(method("GET")).and(path(at)).respond_with(one).mount(&self.connector).await;
        }
    }

    async fn call(&self, who: (&str, &str), verb: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let claims = Claims {
            tenant: Some(TenantId::parse(who.0).unwrap()),
            user: Some(UserId::parse(who.1).unwrap()),
            scopes: Scopes::parse("read write"),
            request_id: "test".to_owned(),
        };
        let clock = Arc::new(postrider_domain::SystemClock);
        let token = InternalTokens::new(keys(), "gateway", clock).issue("ingest-webhook", claims).unwrap();
        let verb = reqwest::Method::from_bytes(verb.as_bytes()).unwrap();
        let mut request = self.intake.client.request(verb, format!("{}{path}", self.intake.origin));
        request = request.bearer_auth(token.expose());
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        (status, answer.json().await.unwrap_or(Value::Null))
    }

    /// Opens a channel of ann's: its id and token.
    async fn open(&self) -> (String, String) {
        let (status, body) = self.call(("acme", "ann"), "POST", CHANNELS, Some(json!({}))).await;
        assert_eq!(status, 201, "{body}");
        let text = |name: &str| body[name].as_str().unwrap().to_owned();
        (text("channel_id"), text("token"))
    }

    async fn notice(&self, at: &str, channel: &(String, String), state: &str, number: &str) -> u16 {
        let request = self.intake.client.post(format!("{}{at}", self.intake.origin));
        let request = request.header("x-goog-channel-id", &channel.0).header("x-goog-channel-token", &channel.1);
        let request = request.header("x-goog-resource-state", state).header("x-goog-message-number", number);
        request.send().await.unwrap().status().as_u16()
    }

    fn events(&self) -> Vec<MailboxChanged> {
        self.broker.holds.events().iter().map(|event| event.decode().unwrap()).collect()
    }

    async fn last_number(&self) -> i64 {
        let conn = self.db.admin().await;
        let text = "SELECT last_message_number AS value FROM ingest.channels".to_owned();
        Statement::dynamic(text).get_result::<One<i64>>(&conn).await.unwrap().0
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notice_is_news_of_its_account_once() {
    let world = World::new().await;
    let channel = world.open().await;
    // The first one says that the channel works, and writes nothing.
    assert_eq!(world.notice(PATHS[1], &channel, "sync", "1").await, 202);
    assert_eq!((world.events().len(), world.last_number().await), (0, 0));
    for (at, number) in [(PATHS[1], "2"), (PATHS[2], "5")] {
        assert_eq!(world.notice(at, &channel, "exists", number).await, 202);
    }
    // A repeat, and one that was overtaken.
    for number in ["5", "3", "2"] {
        assert_eq!(world.notice(PATHS[1], &channel, "exists", number).await, 202, "{number}");
    }
    // What no repeat would make readable.
    for number in ["", "0", "-7", "six", "99999999999999999999"] {
        assert_eq!(world.notice(PATHS[1], &channel, "exists", number).await, 202, "{number}");
    }
    let told: Vec<_> = world.events().into_iter().map(|news| (news.email_address, news.source_message_id)).collect();
    let id = |number: u32| ("ann@example.com".to_owned(), format!("channel:{}:{number}", channel.0));
    assert_eq!(told, [id(2), id(5)]);
    assert!(world.events().iter().all(|news| news.source == "channel" && news.history_id == 0));
    assert_eq!(world.last_number().await, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_know_the_token_learns_nothing() {
    let world = World::new().await;
    let channel = world.open().await;
    let nobody = ("018f0000-0000-7000-8000-0000000000ff".to_owned(), channel.1.clone());
    let unknown = world.notice(PATHS[1], &nobody, "exists", "2").await;
    for (id, token) in [
        (channel.0.as_str(), ""),
        (channel.0.as_str(), "wrong"),
        (channel.0.as_str(), &channel.1.to_lowercase()),
        ("not-an-id", channel.1.as_str()),
        ("", channel.1.as_str()),
    ] {
        let made_up = (id.to_owned(), token.to_owned());
        for state in ["exists", "sync"] {
            assert_eq!(world.notice(PATHS[1], &made_up, state, "2").await, 401, "{made_up:?}");
        }
    }
    assert_eq!((unknown, world.events().len()), (401, 0));
    // The gateway asks before it passes anything on.
    let head = |token: &str| {
        let request = world.intake.client.head(format!("{}{}", world.intake.origin, PATHS[2]));
        request.header("x-goog-channel-id", &channel.0).header("x-goog-channel-token", token).send()
    };
    assert_eq!(head(&channel.1).await.unwrap().status(), 204);
    assert_eq!(head("wrong").await.unwrap().status(), 401);
    // The token is kept as a hash.
    let conn = world.db.admin().await;
    let row = Statement::dynamic("SELECT c::text AS value FROM ingest.channels c".to_owned());
    let row = row.get_result::<One<String>>(&conn).await.unwrap().0;
    assert!(row.contains("ann@example.com") && !row.contains(&channel.1), "{row}");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_its_user_sees_and_closes_a_channel() {
    let world = World::new().await;
    let channel = world.open().await;
    let (status, list) = world.call(("acme", "ann"), "GET", CHANNELS, None).await;
    assert_eq!((status, list["data"].as_array().unwrap().len()), (200, 1));
    let shown = &list["data"][0];
    assert_eq!(
        (shown["connector_id"].as_str(), shown["email_address"].as_str()),
        (Some(ANNS), Some("ann@example.com"))
    );
    assert_eq!(
        (shown.get("token"), &shown["url"]),
        (None, &json!("https://mail.example.com/api/v1/gmail/watch/webhook"))
    );
    let one = format!("{CHANNELS}/{}", channel.0);
    for stranger in [("acme", "ben"), ("other", "ann")] {
        assert_eq!(world.call(stranger, "DELETE", &one, None).await.0, 404);
        assert!(world.call(stranger, "GET", CHANNELS, None).await.1["data"].as_array().unwrap().is_empty());
    }
    assert_eq!(world.notice(PATHS[1], &channel, "exists", "2").await, 202);
    assert_eq!(world.call(("acme", "ann"), "DELETE", &one, None).await.0, 204);
    assert_eq!(world.call(("acme", "ann"), "DELETE", &one, None).await.0, 404);
    assert_eq!(world.notice(PATHS[1], &channel, "exists", "3").await, 401);
    for bad in ["x", "%00"] {
        assert_eq!(world.call(("acme", "ann"), "DELETE", &format!("{CHANNELS}/{bad}"), None).await.0, 404);
    }
    let forged = world.intake.client.get(format!("{}{CHANNELS}", world.intake.origin)).bearer_auth("x").send();
    assert_eq!(forged.await.unwrap().status(), 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_is_opened_for_an_account_of_ones_own_that_can_act() {
    let world = World::new().await;
    let open = |body: Value| world.call(("acme", "ann"), "POST", CHANNELS, Some(body));
    let code = |answer: (u16, Value)| (answer.0, answer.1["code"].as_str().unwrap_or_default().to_owned());
    for body in [json!({"connector_id": 7}), json!({"token": "mine"}), json!([])] {
        assert_eq!(open(body).await.0, 422);
    }
    let strangers = json!({"connector_id": "018f0000-0000-7000-8000-00000000000b"});
    assert_eq!(open(strangers).await.0, 404);
    let other = "018f0000-0000-7000-8000-00000000000c";
    for (status, told) in [
        ("paused", "connector_paused"),
        ("reauth_required", "reauth_required"),
        ("disconnected", "connector_disconnected"),
    ] {
        world.knows(&[account(other, "ben@example.com", status)]).await;
        assert_eq!(code(open(json!({"connector_id": other})).await), (409, told.to_owned()));
    }
    assert_eq!(code(open(json!({})).await), (409, "account_missing".to_owned()));
    let two = [account(ANNS, "ann@example.com", "active"), account(other, "ben@example.com", "active")];
    world.knows(&two).await;
    let ambiguous = open(json!({})).await;
    assert_eq!(ambiguous.1["accounts"].as_array().map(Vec::len), Some(2), "{}", ambiguous.1);
    assert_eq!(code(ambiguous), (409, "account_ambiguous".to_owned()));
    let many = join_all((0..24).map(|_| open(json!({"connector_id": other})))).await;
    assert_eq!(many.iter().filter(|(status, _)| *status == 201).count(), 20);
    assert!(many.iter().filter(|(status, _)| *status != 201).all(|(_, body)| body["code"] == "channels_full"));
    world.connector.reset().await;
    let away = ResponseTemplate::new(503);
    Mock::given(method("GET")).respond_with(away).mount(&world.connector).await;
    assert_eq!(code(open(json!({})).await), (503, "connector_unavailable".to_owned()));
    // What connector was asked, it was asked as the caller.
    assert!(
        world
            .connector
            .received_requests()
            .await
            .unwrap()
            .iter()
            .all(|request| request.headers.contains_key("authorization"))
    );
}

/// An installation without a database or a key for connector takes pushes as ever.
#[tokio::test(flavor = "multi_thread")]
async fn without_channels_configured_none_is_open() {
    let intake = Intake::over(Arc::new(Remembering::default())).await;
    let request = intake.client.post(format!("{}{}", intake.origin, PATHS[1])).header("x-goog-channel-id", ANNS);
    assert_eq!(request.send().await.unwrap().status(), 401);
    let intake =
        Intake::start(|config| Config { internal_keys: None, ..config }, Some(Arc::new(Remembering::default()))).await;
    for path in [CHANNELS.to_owned(), format!("{CHANNELS}/{ANNS}")] {
        let answer = intake.client.get(format!("{}{path}", intake.origin)).send().await.unwrap();
        assert_eq!(answer.status(), 503);
        assert_eq!(answer.json::<Value>().await.unwrap()["code"], "channels_not_configured");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_follows_its_account_and_ends_with_it() {
    let world = World::new().await;
    let channel = world.open().await;
    let state = world.intake.state.clone();
    let clock = MockClock::default();
    clock.set(state.seams.clock.now());
    let later = postrider_ingest_webhook::state::State {
        seams: postrider_domain::Seams { clock: Arc::new(clock.clone()), ..state.seams.clone() },
        ..state
    };
    assert_eq!(check_channels::turn(&later).await.unwrap(), 0);
    world.knows(&[account(ANNS, "New@example.com", "reauth_required")]).await;
    clock.advance(TimeDelta::hours(25));
    assert_eq!(check_channels::turn(&later).await.unwrap(), 1);
    assert_eq!(world.notice(PATHS[1], &channel, "exists", "2").await, 202);
    assert_eq!(world.events()[0].email_address, "new@example.com");
    // Connector is away: nothing is decided.
    world.connector.reset().await;
    clock.advance(TimeDelta::hours(25));
    Mock::given(method("GET")).respond_with(ResponseTemplate::new(503)).mount(&world.connector).await;
    assert_eq!(check_channels::turn(&later).await.unwrap(), 1);
    assert_eq!(world.notice(PATHS[1], &channel, "exists", "3").await, 202);
    world.knows(&[account(ANNS, "", "disconnected")]).await;
    clock.advance(TimeDelta::minutes(6));
    assert_eq!(check_channels::turn(&later).await.unwrap(), 1);
    assert_eq!(world.notice(PATHS[1], &channel, "exists", "4").await, 401);
    let conn = world.db.admin().await;
    let rows = Statement::dynamic("SELECT count(*) AS value FROM ingest.channels".to_owned());
    assert_eq!(rows.get_result::<One<i64>>(&conn).await.unwrap().0, 0);
}

/// The number is kept after the broker's confirm: what could not be stored comes again with the same one.
#[tokio::test(flavor = "multi_thread")]
async fn a_notice_the_broker_did_not_take_is_taken_when_it_comes_again() {
    let world = World::new().await;
    let channel = world.open().await;
    world.broker.away.store(true, Ordering::SeqCst);
    assert_eq!(world.notice(PATHS[1], &channel, "exists", "2").await, 503);
    assert_eq!((world.events().len(), world.last_number().await), (0, 0));
    world.broker.away.store(false, Ordering::SeqCst);
    for _ in 0..2 {
        assert_eq!(world.notice(PATHS[1], &channel, "exists", "2").await, 202);
    }
    assert_eq!((world.events().len(), world.last_number().await), (1, 2));
}

/// A gateway that died between effect and answer sends the write again, under the same id: one channel.
#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_write_opens_one_channel() {
    let world = World::new().await;
    let claims = Claims {
        tenant: Some(TenantId::parse("acme").unwrap()),
        user: Some(UserId::parse("ann").unwrap()),
        scopes: Scopes::parse("read write"),
        request_id: "test".to_owned(),
    };
    let clock = Arc::new(postrider_domain::SystemClock);
    let token = InternalTokens::new(keys(), "gateway", clock).issue("ingest-webhook", claims).unwrap();
    let again = async || {
        let request =
            world.intake.client.post(format!("{}{CHANNELS}", world.intake.origin)).bearer_auth(token.expose());
        let request = request.header("x-postrider-write-id", "0190f2d0-0000-5000-8000-000000000001");
        request.json(&json!({})).send().await.unwrap().json::<Value>().await.unwrap()
    };
    let text = |body: &Value, name: &str| body[name].as_str().unwrap().to_owned();
    let (one, two) = (again().await, again().await);
    let told = |body: &Value| (text(body, "channel_id"), text(body, "token"));
    assert_eq!(told(&one).0, told(&two).0);
    assert_eq!(world.notice(PATHS[1], &told(&one), "exists", "2").await, 401);
    assert_eq!(world.notice(PATHS[1], &told(&two), "exists", "2").await, 202);
}
