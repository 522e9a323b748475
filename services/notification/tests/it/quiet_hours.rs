//! Alerts that wait for the end of quiet hours: counted at once, told once, by one of many replicas.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta};
use postrider_broker::{Broker, BrokerConfig};
use postrider_contracts::connector::ConnectorReauthRequired;
use postrider_domain::{Clock, MockClock, Seams, SystemClock};
use postrider_notification::actions::{Actions, Owner};
use postrider_notification::hints::{Announcer, Hub, ReplicaId};
use postrider_notification::jobs::end_quiet_hours;
use postrider_notification::metrics::Metrics;
use postrider_notification::rules::custom::{Custom, custom};
use postrider_notification::store::preferences::{self, Change};
use postrider_runtime::Context;
use postrider_storage::{Statement, Value as Column};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{SOON, World, settings};
use crate::producer::{Account, connected, mail, state};

/// Quiet hours around now, whatever time it is.
pub fn now_quiet() -> Value {
    let now = SystemClock.now();
    let clock = |hours| (now + TimeDelta::hours(hours)).format("%H:%M").to_string();
    json!({ "quietHoursEnabled": true, "quietHoursStart": clock(-2), "quietHoursEnd": clock(2) })
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_in_quiet_hours_is_counted_at_once_and_told_when_they_are_lifted() {
    let world = World::new().await;
    let replica = world.replica(settings()).await;
    let account = Account::new("t1", "u1");
    world.send(&account, &connected(&account, 1)).await;
    let path = "/api/notifications/preferences";
    replica.call(replica.request(&account, Method::PUT, path).json(&now_quiet()), StatusCode::OK).await;
    let mut socket = replica.subscribed(&account).await;
    socket.rest().await;
    for count in [1, 2] {
        world.send(&account, &mail(&format!("m{count}"))).await;
        let (name, event) = socket.next(SOON).await.unwrap();
        assert_eq!((name.as_str(), &event["unreadCount"]), ("notification:unread_count", &json!(count)));
    }
    socket.expect_silence().await;
    // Somebody must act: that is no news for the morning.
    world.send(&account, &ConnectorReauthRequired { connector: Some(state(&account, 2, "reauth_required")) }).await;
    socket.expect("notification:error").await;
    let list = replica.get(&account, "/api/notifications?type=new_message").await;
    assert_eq!(list["data"][0]["deliveryStatus"]["in_app"], "held");
    let off = json!({ "quietHoursEnabled": false });
    replica.call(replica.request(&account, Method::PUT, path).json(&off), StatusCode::OK).await;
    let told = socket.expect("notification:quiet_hours_ended").await;
    let ids: Vec<_> = list["data"].as_array().unwrap().iter().map(|row| row["id"].clone()).collect();
    assert_eq!((&told["count"], &told["notificationIds"]), (&json!(2), &json!(ids)));
    socket.expect_silence().await;
    let list = replica.get(&account, "/api/notifications?type=new_message").await;
    assert_eq!(list["data"][0]["deliveryStatus"]["in_app"], "delivered");
}

struct Night {
    world: World,
    clock: MockClock,
    actions: Actions,
    account: Account,
    cx: Context,
}

impl Night {
    /// 23:00 in Berlin, and quiet from 22:00 to 08:00.
    async fn new() -> Self {
        let world = World::new().await;
        let cx = Context::for_tests();
        let broker = Broker::start(BrokerConfig { url: world.vhost.amqp_url(), service: "test" }, &cx);
        let announcer = Announcer::new(Hub::default(), broker.live(), ReplicaId(uuid::Uuid::nil()));
        let clock = MockClock::at(DateTime::parse_from_rfc3339("2026-06-01T21:00:00Z").unwrap().to_utc());
        let seams = Seams::seeded(Arc::new(clock.clone()), 7);
        let metrics = Arc::new(Metrics::new(&cx.registry));
        let actions = Actions::new(seams, announcer, metrics, TimeDelta::days(30));
        let night = Self { world, clock, actions, account: Account::new("t1", "u1"), cx };
        night.set(json!({ "quietHoursEnabled": true, "quietHoursTimezone": "Europe/Berlin" })).await;
        night
    }

    async fn set(&self, settings: Value) {
        let Account { tenant, user, .. } = &self.account;
        let tx = self.world.db.db.tenant(tenant).await.unwrap();
        let (id, now) = (uuid::Uuid::from_u128(1), self.actions.now());
        preferences::change(&tx, Change { id, tenant, user, account: None, settings, now }).await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn raise(&self, title: &str) {
        let Account { tenant, user, .. } = &self.account;
        let mut tx = self.world.db.db.tenant(tenant).await.unwrap();
        let values = preferences::effective(&tx, tenant, user, None).await.unwrap().preferences;
        let given = Custom {
            title: title.to_owned(),
            message: "m".to_owned(),
            sender_email: None,
            sender_name: None,
            data: json!({}),
        };
        let draft = custom(given, title.to_owned(), &values, self.actions.now());
        self.actions.raise(&mut tx, Owner { tenant, user, trace: None }, None, draft).await.unwrap().unwrap();
        tx.commit().await.unwrap();
    }

    /// Three replicas look at once.
    async fn look(&self) {
        let look = || async { end_quiet_hours(&self.world.db.db, &self.actions).await.unwrap() };
        tokio::join!(look(), look(), look());
    }

    async fn alerts(&self) -> Vec<String> {
        let tx = self.world.db.db.tenant(&self.account.tenant).await.unwrap();
        let text = "SELECT event AS value FROM user_log WHERE NOT silent ORDER BY nseq".to_owned();
        let found = Statement::dynamic(text).load::<Column<String>>(&tx).await.unwrap();
        tx.commit().await.unwrap();
        found.into_iter().map(|Column(event)| event).collect()
    }
}

impl Drop for Night {
    fn drop(&mut self) {
        self.cx.shutdown.stop_hard();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_is_told_once_by_whichever_replica_and_not_before() {
    let night = Night::new().await;
    night.raise("one").await;
    night.raise("two").await;
    night.clock.advance(TimeDelta::hours(9) - TimeDelta::seconds(1));
    night.look().await;
    assert_eq!(night.alerts().await, Vec::<String>::new());
    night.clock.advance(TimeDelta::seconds(1));
    night.look().await;
    night.look().await;
    assert_eq!(night.alerts().await, ["notification:quiet_hours_ended"]);
    assert_eq!(night.world.count(&night.account.tenant, "quiet_ends").await, 0);
    // The next night starts over; one alone keeps its own event.
    night.clock.advance(TimeDelta::hours(16));
    night.raise("three").await;
    night.clock.advance(TimeDelta::hours(9));
    night.look().await;
    assert_eq!(night.alerts().await, ["notification:quiet_hours_ended", "notification:custom"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn hours_that_were_made_longer_meanwhile_are_kept() {
    let night = Night::new().await;
    night.raise("one").await;
    night.set(json!({ "quietHoursEnd": "09:00" })).await;
    night.clock.advance(TimeDelta::hours(9));
    night.look().await;
    assert_eq!(night.alerts().await, Vec::<String>::new());
    night.clock.advance(TimeDelta::hours(1));
    night.look().await;
    assert_eq!(night.alerts().await, ["notification:custom"]);
}
