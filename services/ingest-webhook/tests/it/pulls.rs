//! Pulling: what is acknowledged when, by one replica and by several, and what a kill costs.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use chrono::TimeDelta;
use postrider_broker::{BrokerState, PublishError, Publisher};
use postrider_contracts::Envelope;
use postrider_contracts::ingest::MailboxChanged;
use postrider_contracts::topology::SYNC_WORKER_MAILBOX_CHANGED;
use postrider_domain::{Clock, MockClock, Secret, SystemClock};
use postrider_gmail_sim::{Notification, SimConfig, SimServer};
use postrider_google_auth::service_account::{Identity, KeyFile};
use postrider_ingest_webhook::config::{Config, PullSettings};
use postrider_runtime::config::Amqp;
use postrider_testing::{MockServer, TestVhost, eventually};
use serde_json::{Value, json};
use wiremock::matchers::{method, path};
use wiremock::{Mock, ResponseTemplate};

use crate::harness::{Intake, Remembering, push, token};

const WAIT: Duration = Duration::from_secs(20);
const SUBSCRIPTION: &str = "projects/sim-project/subscriptions/gmail-push";
const TOPIC: &str = "projects/sim-project/topics/gmail";

/// A broker that may be away, or take messages and never confirm them.
#[derive(Default)]
struct Broker {
    away: AtomicBool,
    silent: AtomicBool,
    holds: Remembering,
}

#[async_trait]
impl Publisher for Broker {
    async fn publish(&self, batch: Vec<Envelope>) -> Vec<Result<(), PublishError>> {
        if self.silent.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        match self.away.load(Ordering::SeqCst) {
            true => batch.iter().map(|_| Err(PublishError::Unavailable)).collect(),
            false => self.holds.publish(batch).await,
        }
    }

    fn state(&self) -> BrokerState {
        BrokerState::Ready
    }
}

impl Broker {
    fn told(&self) -> Vec<String> {
        self.holds.events().iter().map(|event| event.decode::<MailboxChanged>().unwrap().source_message_id).collect()
    }
}

/// A simulated Pub/Sub whose subscription is pulled, and the key of the account that may.
struct Google {
    sim: SimServer,
    clock: MockClock,
    key: Arc<KeyFile>,
}

impl Google {
    async fn start() -> Self {
        let clock = MockClock::at(SystemClock.now());
        let sim = SimServer::start(SimConfig { clock: Arc::new(clock.clone()), ..SimConfig::default() }).await.unwrap();
        let file =
            postrider_testing::server::http().get(format!("{}/_sim/service-account", sim.base_url())).send().await;
        let key = KeyFile::parse(&Secret::new(file.unwrap().text().await.unwrap())).unwrap();
        Self { sim, clock, key: Arc::new(key) }
    }

    fn settings(&self, hold: Duration) -> PullSettings {
        PullSettings {
            subscription: SUBSCRIPTION.to_owned(),
            identity: Identity::Key(self.key.clone()),
            api: format!("{}/", self.sim.base_url()).parse().unwrap(),
            hold,
        }
    }

    async fn intake(&self, broker: &Arc<Broker>, hold: Duration) -> Intake {
        let settings = self.settings(hold);
        Intake::start(|config| Config { pull: Some(settings), ..config }, Some(broker.clone())).await
    }

    fn publish(&self, id: &str, history_id: u64) {
        self.sim.sim().pubsub.publish(&Notification {
            message_id: id.to_owned(),
            publish_time: self.clock.now(),
            topic: TOPIC.to_owned(),
            email_address: "Ann@Example.com".to_owned(),
            history_id,
        });
    }

    /// What somebody else who pulls would get now. It is given back at once.
    fn waiting(&self) -> Vec<String> {
        let (pubsub, now) = (&self.sim.sim().pubsub, self.clock.now());
        let pulled = pubsub.pull(SUBSCRIPTION, 1_000, now).unwrap();
        let acks: Vec<_> = pulled.iter().map(|one| one.ack).collect();
        pubsub.modify_ack_deadline(SUBSCRIPTION, &acks, 0, now).unwrap();
        pulled.into_iter().map(|one| one.notification.message_id).collect()
    }
}

async fn told(broker: &Broker, count: usize) {
    eventually("the pulled pushes", WAIT, || async { (broker.told().len() >= count).then_some(()) }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pulled_messages_are_published_and_acknowledged() {
    let (google, broker) = (Google::start().await, Arc::new(Broker::default()));
    google.publish("m1", 7);
    google.publish("m2", 8);
    let intake = google.intake(&broker, Duration::from_secs(60)).await;
    told(&broker, 2).await;
    google.publish("m3", 9);
    told(&broker, 3).await;
    assert_eq!(broker.told().iter().map(String::as_str).collect::<BTreeSet<_>>(), ["m1", "m2", "m3"].into());
    let first: MailboxChanged = broker.holds.events()[0].decode().unwrap();
    assert_eq!((first.email_address.as_str(), first.source.as_str()), ("ann@example.com", "pubsub"));
    // Acknowledged: past every deadline nobody gets them again.
    let acknowledged = || async {
        let stats = intake.state.metrics.pushes.with_label_values(&["stored"]).get();
        google.clock.advance(TimeDelta::minutes(11));
        (stats == 3 && google.waiting().is_empty()).then_some(())
    };
    eventually("the acknowledgements", WAIT, acknowledged).await;
    assert_eq!(broker.told().len(), 3);
}

/// The same message by both doors is one event.
#[tokio::test(flavor = "multi_thread")]
async fn a_push_that_was_pushed_is_not_published_again_when_it_is_pulled() {
    let (google, broker) = (Google::start().await, Arc::new(Broker::default()));
    let intake = google.intake(&broker, Duration::from_secs(60)).await;
    assert_eq!(intake.push(Some(&token()), push("m1", 7)).await, 202);
    google.publish("m1", 7);
    let repeated = || intake.state.metrics.pushes.with_label_values(&["repeated"]).get();
    eventually("the repeat", WAIT, || async { (repeated() == 1).then_some(()) }).await;
    assert_eq!(broker.told(), ["m1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_broker_does_not_take_is_held_and_given_back() {
    let (google, broker) = (Google::start().await, Arc::new(Broker::default()));
    broker.away.store(true, Ordering::SeqCst);
    google.publish("m1", 7);
    let intake = google.intake(&broker, Duration::from_secs(3)).await;
    let count = |outcome: &str| intake.state.metrics.pushes.with_label_values(&[outcome]).get();
    // The second try comes after the deadline was made longer: nobody else gets it past the subscription's own 10 s.
    eventually("a second try", WAIT, || async { (count("broker_down") > 1).then_some(()) }).await;
    google.clock.advance(TimeDelta::seconds(15));
    assert!(google.waiting().is_empty());
    eventually("it to be given back", WAIT, || async { (count("given_back") >= 1).then_some(()) }).await;
    assert!(broker.told().is_empty());
    broker.away.store(false, Ordering::SeqCst);
    told(&broker, 1).await;
    assert_eq!(broker.told(), ["m1"]);
}

/// A broker that comes back in time gets what was held for it: nothing is given back.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_held_is_published_when_the_broker_is_back() {
    let (google, broker) = (Google::start().await, Arc::new(Broker::default()));
    broker.away.store(true, Ordering::SeqCst);
    google.publish("m1", 7);
    let intake = google.intake(&broker, Duration::from_secs(60)).await;
    let count = |outcome: &str| intake.state.metrics.pushes.with_label_values(&[outcome]).get();
    eventually("a try", WAIT, || async { (count("broker_down") > 0).then_some(()) }).await;
    // Nothing more is pulled meanwhile.
    google.publish("m2", 8);
    eventually("more tries", WAIT, || async { (count("broker_down") > 3).then_some(()) }).await;
    assert_eq!(google.waiting(), ["m2"]);
    broker.away.store(false, Ordering::SeqCst);
    told(&broker, 2).await;
    assert_eq!((broker.told(), count("given_back")), (vec!["m1".to_owned(), "m2".to_owned()], 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn several_replicas_share_a_subscription() {
    let (google, broker) = (Google::start().await, Arc::new(Broker::default()));
    let one = google.intake(&broker, Duration::from_secs(60)).await;
    let two = google.intake(&broker, Duration::from_secs(60)).await;
    for n in 0..300 {
        google.publish(&format!("m{n}"), n);
        if n % 30 == 0 {
            tokio::task::yield_now().await;
        }
    }
    told(&broker, 300).await;
    assert_eq!((broker.told().len(), broker.told().into_iter().collect::<BTreeSet<_>>().len()), (300, 300));
    let stored = |intake: &Intake| intake.state.metrics.pushes.with_label_values(&["stored"]).get();
    assert_eq!(stored(&one) + stored(&two), 300);
}

/// Killed between pull and acknowledgement, before the broker's confirm: Pub/Sub gives all of it out again.
#[tokio::test(flavor = "multi_thread")]
async fn a_kill_between_pull_and_acknowledgement_loses_nothing() {
    let (google, broker) = (Google::start().await, Arc::new(Broker::default()));
    broker.silent.store(true, Ordering::SeqCst);
    for n in 0..20 {
        google.publish(&format!("m{n}"), n);
    }
    let killed = google.intake(&broker, Duration::from_secs(60)).await;
    eventually("the pull", WAIT, || async { google.waiting().is_empty().then_some(()) }).await;
    drop(killed);
    assert!(broker.told().is_empty());
    broker.silent.store(false, Ordering::SeqCst);
    google.clock.advance(TimeDelta::minutes(11));
    let _next = google.intake(&broker, Duration::from_secs(60)).await;
    told(&broker, 20).await;
    assert_eq!(broker.told().into_iter().collect::<BTreeSet<_>>().len(), 20);
}

/// Against RabbitMQ itself: what left Pub/Sub is in the queue.
#[tokio::test(flavor = "multi_thread")]
async fn every_acknowledged_message_is_in_the_queue() {
    let (google, vhost) = (Google::start().await, TestVhost::fresh().await);
    for n in 0..150 {
        google.publish(&format!("m{n}"), n);
    }
    let (settings, url) = (google.settings(Duration::from_secs(60)), vhost.amqp_url());
    let _intake = Intake::start(|config| Config { pull: Some(settings), amqp: Amqp { url }, ..config }, None).await;
    let queue = SYNC_WORKER_MAILBOX_CHANGED.name;
    eventually(queue, Duration::from_secs(60), || async { (vhost.depth(queue).await.unwrap() == 150).then_some(()) })
        .await;
    eventually("the acknowledgements", WAIT, || async {
        google.clock.advance(TimeDelta::minutes(1));
        google.waiting().is_empty().then_some(())
    })
    .await;
}

/// A Pub/Sub that answers by script.
async fn scripted(messages: Value) -> (MockServer, Arc<Broker>, Intake) {
    let server = MockServer::start().await;
    let given = json!({"access_token": "ya29.machine", "expires_in": 3_600, "token_type": "Bearer"});
    let at = "/computeMetadata/v1/instance/service-accounts/default/token";
    Mock::given(path(at)).respond_with(ResponseTemplate::new(200).set_body_json(given)).mount(&server).await;
    let verb = |verb: &str| path(format!("/v1/{SUBSCRIPTION}:{verb}"));
    let once = ResponseTemplate::new(200).set_body_json(json!({"receivedMessages": messages}));
    Mock::given(method("POST")).and(verb("pull")).respond_with(once).up_to_n_times(1).mount(&server).await;
    let nothing = ResponseTemplate::new(200).set_body_json(json!({})).set_delay(Duration::from_millis(200));
    Mock::given(method("POST")).and(verb("pull")).respond_with(nothing).mount(&server).await;
    let done = ResponseTemplate::new(200).set_body_json(json!({}));
    Mock::given(method("POST")).and(verb("acknowledge")).respond_with(done).mount(&server).await;
    let root: url::Url = format!("{}/", server.uri()).parse().unwrap();
    let settings = PullSettings {
        subscription: SUBSCRIPTION.to_owned(),
        identity: Identity::Machine(root.clone()),
        api: root,
        hold: Duration::from_secs(60),
    };
    let broker = Arc::new(Broker::default());
    let intake = Intake::start(|config| Config { pull: Some(settings), ..config }, Some(broker.clone())).await;
    (server, broker, intake)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_acknowledged_and_counted() {
    let messages = json!([
        {"ackId": "none"},
        {"ackId": "empty", "message": {}},
        {"ackId": "garbage", "message": {"data": "%%%", "messageId": "1"}},
        {"ackId": "address", "message": {"data": "eyJoaXN0b3J5SWQiOiAxfQ==", "messageId": "2"}},
        // {"emailAddress": "ann@example.com", "historyId": 7}
        {"ackId": "good", "message": {
            "data": "eyJlbWFpbEFkZHJlc3MiOiAiYW5uQGV4YW1wbGUuY29tIiwgImhpc3RvcnlJZCI6IDd9", "messageId": "3",
        }},
    ]);
    let (server, broker, intake) = scripted(messages).await;
    let acked = async |id: &str| {
        let requests = server.received_requests().await.unwrap();
        requests.iter().filter(|request| request.url.path().ends_with(":acknowledge")).any(|request| {
            let body: Value = request.body_json().unwrap();
            body["ackIds"].as_array().unwrap().contains(&json!(id))
        })
    };
    for id in ["none", "empty", "garbage", "address", "good"] {
        eventually(id, WAIT, || async { acked(id).await.then_some(()) }).await;
    }
    assert_eq!(broker.told(), ["3"]);
    assert_eq!(intake.state.metrics.pushes.with_label_values(&["unreadable"]).get(), 4);
    let pulled = server.received_requests().await.unwrap();
    assert!(
        pulled
            .iter()
            .filter(|request| request.url.path().ends_with(":pull"))
            .all(|request| { request.headers["authorization"] == "Bearer ya29.machine" })
    );
}

/// A refusal is not hammered at, and ends when its cause does.
#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_that_is_not_there_is_asked_for_again_and_not_at_once() {
    let (google, broker) = (Google::start().await, Arc::new(Broker::default()));
    google.sim.sim().pubsub.delete_subscription(SUBSCRIPTION).unwrap();
    let intake = google.intake(&broker, Duration::from_secs(60)).await;
    let refused = || intake.state.metrics.pulls.with_label_values(&["refused"]).get();
    eventually("two refusals", WAIT, || async { (refused() >= 2).then_some(()) }).await;
    assert!(refused() <= 3, "{}", refused());
    let again = postrider_gmail_sim::pubsub::Subscription::new(SUBSCRIPTION, TOPIC);
    google.sim.sim().pubsub.create_subscription(again).unwrap();
    google.publish("m1", 7);
    told(&broker, 1).await;
}
