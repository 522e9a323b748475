//! Pushes and quiet hours.

use chrono::TimeDelta;
use postrider_domain::NotificationId;
use postrider_notification::actions::Owner;
use postrider_notification::channels::webhook::Reach;
use postrider_notification::jobs::end_quiet_hours;
use postrider_notification::rules::Mark;
use postrider_notification::rules::webhook::DeliveryState;
use postrider_storage::Statement;
use serde_json::json;

use crate::push::read;
use crate::receiver::{Receiver, Reply};
use crate::webhook_engine::Lab;

#[tokio::test(flavor = "multi_thread")]
async fn what_met_the_night_on_its_way_is_in_the_push_of_the_morning() {
    let (well, busy) = (Receiver::start().await, Receiver::start().await);
    let lab = Lab::with_push(Reach::Anywhere).await;
    lab.browser(&well.url).await;
    lab.browser(&busy.url).await;
    busy.replies([Reply::Status(503), Reply::Status(503)]);
    lab.raise("evening 1").await;
    lab.raise("evening 2").await;
    lab.engine.work().await.unwrap();
    assert_eq!((well.seen().len(), busy.seen().len()), (2, 2));
    // It is noon by UTC: nine in the evening in Tokyo.
    lab.set(json!({ "quietHoursEnabled": true, "quietHoursStart": "21:00", "quietHoursTimezone": "Asia/Tokyo" })).await;
    lab.raise("night").await;
    lab.clock.advance(TimeDelta::seconds(5));
    lab.engine.work().await.unwrap();
    assert_eq!((well.seen().len(), busy.seen().len()), (2, 2));
    lab.clock.set(lab.now() + TimeDelta::hours(11));
    end_quiet_hours(&lab.world.db.db, &lab.engine.actions).await.unwrap();
    lab.engine.work().await.unwrap();
    lab.clock.advance(TimeDelta::minutes(2));
    lab.engine.work().await.unwrap();
    // The one that had been told of the evening is told of the night alone.
    let (well, busy) = (well.seen(), busy.seen());
    assert_eq!((well.len(), busy.len()), (3, 3));
    assert_eq!((&read(&well[2]).await["title"], &read(&busy[2]).await["count"]), (&json!("night"), &json!(3)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_at_night_is_one_push_in_the_morning() {
    let service = Receiver::start().await;
    let lab = Lab::with_push(Reach::Anywhere).await;
    lab.browser(&service.url).await;
    // It is noon by UTC: nine in the evening in Tokyo.
    let night = json!({ "quietHoursEnabled": true, "quietHoursStart": "19:00", "quietHoursTimezone": "Asia/Tokyo" });
    lab.set(night).await;
    for title in ["one", "two", "three"] {
        lab.raise(title).await;
    }
    lab.engine.work().await.unwrap();
    assert_eq!((lab.pushes().await.len(), service.seen().len()), (0, 0));
    lab.clock.advance(TimeDelta::hours(11));
    let (db, actions) = (&lab.world.db.db, &lab.engine.actions);
    let (one, two) = tokio::join!(end_quiet_hours(db, actions), end_quiet_hours(db, actions));
    one.and(two).unwrap();
    lab.engine.work().await.unwrap();
    let seen = service.seen();
    assert_eq!(seen.len(), 1);
    let told = read(&seen[0]).await;
    assert_eq!(
        (&told["type"], &told["count"], &told["title"]),
        (&json!("quiet_hours_ended"), &json!(3), &json!("3 notifications"))
    );
    // Every one of them was told by it.
    let tx = lab.world.db.db.tenant(&lab.account.tenant).await.unwrap();
    let ids = "SELECT id AS value FROM notifications".to_owned();
    let ids: Vec<postrider_storage::Value<NotificationId>> = Statement::dynamic(ids).load(&tx).await.unwrap();
    let ids: Vec<_> = ids.into_iter().map(|id| id.0).collect();
    let reached = postrider_notification::store::deliveries::reached(&tx, &lab.account.tenant, &ids).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(reached.iter().filter(|one| one.delivered == 1).count(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_read_or_fell_into_the_night_before_it_was_sent_is_not_pushed() {
    let service = Receiver::start().await;
    let lab = Lab::with_push(Reach::Anywhere).await;
    lab.browser(&service.url).await;
    let id = lab.raise("one").await;
    let (tenant, user) = (&lab.account.tenant, &lab.account.user);
    let mut tx = lab.world.db.db.tenant(tenant).await.unwrap();
    let owner = Owner { tenant, user, trace: None };
    lab.engine.actions.mark(&mut tx, owner, &[id], Mark::Read).await.unwrap();
    tx.commit().await.unwrap();
    lab.engine.work().await.unwrap();
    let sent = lab.pushes().await.remove(0);
    assert_eq!((sent.state, sent.error.as_deref()), (DeliveryState::Skipped, Some("read_already")));
    lab.raise("two").await;
    lab.set(json!({ "quietHoursEnabled": true, "quietHoursStart": "11:00", "quietHoursEnd": "13:00" })).await;
    lab.engine.work().await.unwrap();
    // Left to whoever ends the quiet hours, for a minute more.
    assert_eq!(lab.pushes().await[1].wait, Some(3_660));
    lab.set(json!({ "pushEnabled": false, "quietHoursEnabled": false })).await;
    lab.clock.advance(TimeDelta::minutes(61));
    lab.engine.work().await.unwrap();
    assert_eq!(lab.pushes().await[1].error.as_deref(), Some("channel_off"));
    assert_eq!(service.seen().len(), 0);
}
