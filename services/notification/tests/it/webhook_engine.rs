//! Receivers that fail, hang, redirect or are gone, by a clock that is moved.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta};
use postrider_domain::{Entropy, IdGen, MockClock, Seams, SystemIds, Timestamp};
use postrider_notification::actions::Actions;
use postrider_notification::channels::webhook::{Reach, WebhookSecret, WebhookSender};
use postrider_notification::deliveries::{Engine, Told, enqueue};
use postrider_notification::hints::{Announcer, Hub, ReplicaId};
use postrider_notification::metrics::Metrics;
use postrider_notification::rules::webhook::{DeliveryState, DisabledReason, EndpointStatus};
use postrider_notification::store::deliveries::{self, Delivery};
use postrider_notification::store::endpoints::{self, Endpoint};
use postrider_runtime::Context;
use postrider_storage::{Statement, Value};
use uuid::Uuid;

use crate::harness::{SOON, World, keys, push_hosts, vapid};
use crate::producer::Account;
use crate::receiver::{Receiver, Reply};

/// No jitter.
#[derive(Debug)]
pub struct Middle;

impl Entropy for Middle {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(0x80);
    }

    fn unit(&self) -> f64 {
        0.5
    }
}

pub struct Lab {
    pub world: World,
    pub clock: MockClock,
    pub engine: Engine,
    pub account: Account,
    endpoint: Uuid,
}

impl Lab {
    pub async fn new(url: &str, reach: Reach) -> Self {
        let world = World::new().await;
        let clock = MockClock::at(DateTime::parse_from_rfc3339("2026-06-01T12:00:00Z").unwrap().to_utc());
        let seams = Seams { clock: Arc::new(clock.clone()), ids: Arc::new(SystemIds), entropy: Arc::new(Middle) };
        let metrics = Arc::new(Metrics::new(&Context::for_tests().registry));
        let announcer = Announcer::new(Hub::default(), world.live.clone(), ReplicaId(Uuid::nil()));
        let actions = Actions::new(seams.clone(), announcer, metrics.clone(), TimeDelta::days(30));
        let engine = Engine {
            db: world.db.db.clone(),
            seams,
            bell: actions.bell().clone(),
            actions,
            sender: WebhookSender::new(reach, Duration::from_secs(1)).unwrap(),
            keys: keys(),
            vapid: vapid(),
            push_hosts: push_hosts(),
            metrics,
        };
        let mut lab = Self { world, clock, engine, account: Account::new("t1", "u1"), endpoint: Uuid::nil() };
        lab.endpoint = lab.add_endpoint(url).await;
        lab
    }

    pub fn now(&self) -> Timestamp {
        self.engine.seams.clock.now()
    }

    async fn add_endpoint(&self, url: &str) -> Uuid {
        let secret = WebhookSecret::generate(&Middle);
        let new = Endpoint {
            id: SystemIds.uuid(),
            user_id: self.account.user.clone(),
            whole_tenant: false,
            url: url.to_owned(),
            event_types: Vec::new(),
            account_ids: None,
            include_content: false,
            status: EndpointStatus::Enabled,
            disabled_reason: None,
            disabled_at: None,
            failing_since: None,
            secret_sealed: self.engine.keys.seal(&secret).unwrap(),
            old_secret_sealed: None,
            old_secret_until: None,
            created_at: self.now(),
            updated_at: self.now(),
        };
        let tx = self.world.db.db.tenant(&self.account.tenant).await.unwrap();
        endpoints::insert(&tx, &self.account.tenant, &new).await.unwrap();
        tx.commit().await.unwrap();
        new.id
    }

    /// Something happened; its content is the least there is.
    async fn happen(&self) {
        let Account { tenant, user, .. } = &self.account;
        let tx = self.world.db.db.tenant(tenant).await.unwrap();
        let told = Told {
            tenant,
            user,
            event_id: SystemIds.uuid(),
            kind: "webhook.test",
            account: None,
            seq: None,
            notification: None,
            now: self.now(),
            due: self.now(),
        };
        enqueue(&tx, &SystemIds, &self.engine.bell, told).await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn endpoint(&self) -> Endpoint {
        let tx = self.world.db.db.tenant(&self.account.tenant).await.unwrap();
        let found = endpoints::find(&tx, &self.account.tenant, self.endpoint).await.unwrap().unwrap();
        tx.commit().await.unwrap();
        found
    }

    /// Newest first.
    async fn deliveries(&self) -> Vec<Delivery> {
        let tx = self.world.db.db.tenant(&self.account.tenant).await.unwrap();
        let found = deliveries::page(&tx, &self.account.tenant, self.endpoint, None, None, 1_000).await.unwrap();
        tx.commit().await.unwrap();
        found
    }

    /// Seconds until the newest delivery is tried again.
    async fn wait(&self) -> Option<i64> {
        let newest = self.deliveries().await.remove(0);
        newest.due_at.map(|due| (due - self.now()).num_seconds())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_while_an_endpoint_is_being_enabled_is_sent() {
    let receiver = Receiver::start().await;
    let lab = Lab::new(&receiver.url, Reach::Anywhere).await;
    let (tenant, user, db) = (&lab.account.tenant, &lab.account.user, &lab.world.db.db);
    let tx = db.tenant(tenant).await.unwrap();
    assert!(endpoints::disable(&tx, tenant, lab.endpoint, DisabledReason::Owner, lab.now()).await.unwrap());
    tx.commit().await.unwrap();
    // Enabled as its owner does it, and not committed until something has happened that meets it so.
    let tx = db.tenant(tenant).await.unwrap();
    let mut one = endpoints::lock(&tx, tenant, user, lab.endpoint).await.unwrap().unwrap();
    (one.status, one.disabled_reason, one.disabled_at) = (EndpointStatus::Enabled, None, None);
    endpoints::update(&tx, tenant, &one).await.unwrap();
    deliveries::resume(&tx, tenant, lab.endpoint, lab.now()).await.unwrap();
    let looker = lab.world.db.admin().await;
    let enabled = async {
        postrider_testing::eventually("a transaction that waits", SOON, || async {
            let waiting = "SELECT count(*) AS value FROM pg_stat_activity \
                WHERE datname = current_database() AND wait_event_type = 'Lock'";
            let waiting = Statement::dynamic(waiting.to_owned()).get_result::<Value<i64>>(&looker).await.unwrap();
            (waiting.0 > 0).then_some(())
        })
        .await;
        tx.commit().await.unwrap();
    };
    tokio::join!(lab.happen(), enabled);
    lab.engine.work().await.unwrap();
    assert_eq!(lab.deliveries().await.remove(0).state, DeliveryState::Delivered);
    assert_eq!(receiver.seen().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_are_tried_again_ever_later_under_the_same_id_until_they_are_given_up() {
    let receiver = Receiver::start().await;
    let lab = Lab::new(&receiver.url, Reach::Anywhere).await;
    receiver.replies((0..11).map(|_| Reply::Status(500)));
    lab.happen().await;
    let mut waits = Vec::new();
    loop {
        lab.engine.work().await.unwrap();
        let Some(wait) = lab.wait().await else { break };
        waits.push(wait);
        // Not a moment before.
        lab.clock.advance(TimeDelta::seconds(wait - 1));
        lab.engine.work().await.unwrap();
        assert_eq!(receiver.seen().len(), waits.len());
        lab.clock.advance(TimeDelta::seconds(1));
    }
    assert_eq!(waits, [5, 30, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400]);
    let seen = receiver.seen();
    assert_eq!(seen.len(), 11);
    assert!(
        seen.iter().all(|one| one.header("webhook-id") == seen[0].header("webhook-id") && one.body == seen[0].body)
    );
    let given_up = lab.deliveries().await.remove(0);
    assert_eq!((given_up.state, given_up.status_code, given_up.attempts), (DeliveryState::Failed, Some(500), 11));
    // What comes later is sent all the same.
    lab.happen().await;
    lab.engine.work().await.unwrap();
    assert_eq!(lab.deliveries().await.remove(0).state, DeliveryState::Delivered);
    assert_eq!(lab.endpoint().await.failing_since, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_overloaded_receiver_is_left_alone_as_long_as_it_asks() {
    let receiver = Receiver::start().await;
    let lab = Lab::new(&receiver.url, Reach::Anywhere).await;
    receiver.replies([Reply::Later(429, "120")]);
    lab.happen().await;
    lab.engine.work().await.unwrap();
    assert_eq!(lab.wait().await, Some(120));
    lab.happen().await;
    // Due at once, as it came after: the next one that fails rests it too.
    receiver.replies([Reply::Later(503, "Mon, 01 Jun 2026 12:10:00 GMT"), Reply::Status(200), Reply::Status(200)]);
    lab.engine.work().await.unwrap();
    let waits: Vec<_> =
        lab.deliveries().await.iter().map(|one| (one.due_at.unwrap() - lab.now()).num_seconds()).collect();
    assert_eq!(waits, [600, 600]);
    lab.clock.advance(TimeDelta::seconds(600));
    lab.engine.work().await.unwrap();
    assert!(lab.deliveries().await.iter().all(|one| one.state == DeliveryState::Delivered));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_hangs_and_one_that_never_ends_cost_a_bounded_time_and_nobody_else_anything() {
    let (slow, good) = (Receiver::start().await, Receiver::start().await);
    let lab = Lab::new(&slow.url, Reach::Anywhere).await;
    let other = lab.add_endpoint(&good.url).await;
    slow.replies([Reply::Hang, Reply::Endless]);
    lab.happen().await;
    lab.engine.work().await.unwrap();
    let hung = lab.deliveries().await.remove(0);
    assert_eq!((hung.error.as_deref(), hung.status_code), (Some("timeout"), None));
    assert_eq!(good.seen().len(), 1);
    lab.clock.advance(TimeDelta::seconds(10));
    lab.engine.work().await.unwrap();
    // The status is the answer, whatever the body is.
    assert_eq!(lab.deliveries().await.remove(0).state, DeliveryState::Delivered);
    // Nothing that was delivered is repeated by another's failure.
    assert_eq!(good.seen().len(), 1, "{other}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_is_not_followed_and_private_addresses_are_not_called() {
    let (receiver, inside) = (Receiver::start().await, Receiver::start().await);
    let lab = Lab::new(&receiver.url, Reach::Anywhere).await;
    receiver.replies([Reply::Redirect(inside.url.clone())]);
    lab.happen().await;
    lab.engine.work().await.unwrap();
    let refused = lab.deliveries().await.remove(0);
    assert_eq!((refused.error.as_deref(), refused.status_code), (Some("redirect_refused"), Some(302)));
    assert!(inside.seen().is_empty());
    // By name and by number, and whatever an endpoint's row says: judged at each attempt.
    for (host, error) in [
        ("https://localhost:8443", "address_refused"),
        ("https://127.0.0.1:8443", "address_refused"),
        ("https://[::1]:8443", "address_refused"),
        ("https://[::ffff:127.0.0.1]:8443", "address_refused"),
        ("http://localhost:8443", "address_refused"),
        ("https://no-such-host.invalid", "name_not_found"),
    ] {
        let lab = Lab::new(host, Reach::Public).await;
        lab.happen().await;
        lab.engine.work().await.unwrap();
        assert_eq!(lab.deliveries().await.remove(0).error.as_deref(), Some(error), "{host}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn gone_disables_at_once_and_days_of_failure_do_and_the_owner_is_told() {
    for (reply, reason) in [(Reply::Status(410), DisabledReason::Gone), (Reply::Status(500), DisabledReason::Failing)] {
        let receiver = Receiver::start().await;
        let lab = Lab::new(&receiver.url, Reach::Anywhere).await;
        lab.happen().await;
        if reason == DisabledReason::Failing {
            receiver.replies([reply.clone()]);
            lab.engine.work().await.unwrap();
            assert_eq!(lab.endpoint().await.status, EndpointStatus::Enabled);
            lab.clock.advance(TimeDelta::days(5));
        }
        receiver.replies([reply]);
        lab.engine.work().await.unwrap();
        let endpoint = lab.endpoint().await;
        assert_eq!((endpoint.status, endpoint.disabled_reason), (EndpointStatus::Disabled, Some(reason)));
        assert_eq!(lab.world.count(&lab.account.tenant, "notifications").await, 1);
        // Kept, and what happens now too.
        lab.happen().await;
        lab.engine.work().await.unwrap();
        let kept = lab.deliveries().await;
        assert!(kept.iter().all(|one| one.state == DeliveryState::Pending && one.due_at.is_none()), "{kept:?}");
        assert_eq!(kept.len(), 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn three_replicas_deliver_each_event_once() {
    let receiver = Receiver::start().await;
    let lab = Lab::new(&receiver.url, Reach::Anywhere).await;
    for _ in 0..200 {
        lab.happen().await;
    }
    let (one, two, three) = tokio::join!(lab.engine.work(), lab.engine.work(), lab.engine.work());
    for done in [one, two, three] {
        done.unwrap();
    }
    let mut ids: Vec<_> = receiver.seen().iter().map(|one| one.header("webhook-id")).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!((ids.len(), receiver.seen().len()), (200, 200));
}
