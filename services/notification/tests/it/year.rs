//! A year of one user's days: what is kept is bounded by the retention, whatever came in.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use postrider_domain::{ConnectorId, IdGen, SystemIds};
use postrider_notification::actions::{Cause, Owner};
use postrider_notification::channels::webhook::Reach;
use postrider_notification::deliveries::{Told, enqueue};
use postrider_notification::jobs;
use postrider_notification::rules::Kind;
use postrider_notification::rules::custom::{Custom, custom};
use postrider_notification::rules::trigger::TriggerType;
use postrider_notification::store::suppressions::{self, Suppression};
use postrider_notification::store::triggers::{self, Trigger};
use postrider_notification::store::{feed, preferences};
use serde_json::json;
use uuid::Uuid;

use crate::webhook_engine::Lab;

/// Days that notifications are kept in the list, and as long again in the archive.
const RETENTION: i64 = 30;

/// One of everything that a day brings.
async fn a_day(lab: &Lab, trigger: &Trigger, day: i64) {
    let (tenant, user, now) = (&lab.account.tenant, &lab.account.user, lab.now());
    let mut tx = lab.world.db.db.tenant(tenant).await.unwrap();
    let owner = Owner { tenant, user, trace: None };
    let values = preferences::effective(&tx, tenant, user, None).await.unwrap().preferences;
    let given = Custom {
        title: "t".to_owned(),
        message: "m".to_owned(),
        sender_email: None,
        sender_name: None,
        data: json!({}),
    };
    let draft = custom(given, format!("day {day}"), &values, now);
    lab.engine.actions.raise(&mut tx, owner, None, draft).await.unwrap().unwrap();
    let cause = Cause { request_id: Some(format!("day {day}")), ..Cause::default() };
    lab.engine.actions.set_off(&mut tx, owner, trigger, cause).await.unwrap().unwrap();
    let account = lab.account.id;
    let (event_id, kind) = (SystemIds.uuid(), "email.received".to_owned());
    let entry = feed::Entry { account_id: account, seq: day + 1, event_id, kind, time: now, data: json!({}) };
    feed::insert(&tx, tenant, user, &entry, now).await.unwrap();
    let told = Told {
        tenant,
        user,
        event_id,
        kind: "email.received",
        account: Some(account),
        seq: Some(day + 1),
        notification: None,
        now,
        due: now,
    };
    enqueue(&tx, &SystemIds, &lab.engine.bell, told).await.unwrap();
    let key = format!("day {day}");
    let suppressed = Suppression {
        tenant,
        user,
        account: ConnectorId(Uuid::nil()),
        kind: Kind::NewMessage,
        business_key: &key,
        event: postrider_domain::EventId(SystemIds.uuid()),
        decision: json!({}),
        now,
    };
    suppressions::insert(&tx, suppressed).await.unwrap();
    let ticket = (now + TimeDelta::minutes(1), day.to_be_bytes().to_vec());
    feed::insert_ticket(&tx, ticket.1, tenant, user, ticket.0, now).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_year_every_table_holds_what_the_retention_says() {
    let lab = Lab::new("https://hooks.example", Reach::Public).await;
    let (tenant, user, db) = (&lab.account.tenant, &lab.account.user, &lab.world.db.db);
    let trigger = Trigger {
        id: SystemIds.uuid(),
        user_id: user.clone(),
        kind: TriggerType::Webhook,
        account_id: None,
        name: "n".to_owned(),
        enabled: true,
        config: json!({}),
        in_app: false,
        also: Vec::new(),
        secret_sealed: Some("sealed".to_owned()),
        old_secret_sealed: None,
        old_secret_until: None,
        created_at: lab.now(),
        updated_at: lab.now(),
    };
    let tx = db.tenant(tenant).await.unwrap();
    assert!(triggers::insert(&tx, tenant, &trigger).await.unwrap());
    tx.commit().await.unwrap();
    let tables = [
        ("notifications", 2 * RETENTION),
        // Each is raised, and archived a month later.
        ("user_log", 2 * RETENTION),
        ("feed", RETENTION),
        // The feed's, and the trigger's.
        ("deliveries", 2 * RETENTION),
        ("suppressions", RETENTION),
        ("trigger_fires", RETENTION),
        ("delivery_covers", 0),
        ("trigger_checks", 0),
        ("quiet_ends", 0),
    ];
    let mut most: BTreeMap<&str, i64> = BTreeMap::new();
    for day in 0..365 {
        a_day(&lab, &trigger, day).await;
        lab.clock.advance(TimeDelta::days(1));
        jobs::clean_up(db, &lab.engine.actions).await.unwrap();
        jobs::forget_ended(db, lab.now()).await.unwrap();
        jobs::prune(db, lab.now() - TimeDelta::days(RETENTION)).await.unwrap();
        if day % 30 == 29 || day == 364 {
            for (table, _) in tables {
                let rows = lab.world.count(tenant, table).await;
                most.entry(table).and_modify(|most| *most = rows.max(*most)).or_insert(rows);
            }
        }
    }
    for (table, bound) in tables {
        // A day more, as jobs come after what they forget.
        assert!(most[table] <= bound + 2, "{table}: {} of {bound}", most[table]);
    }
    let tickets = "SELECT count(*) AS value FROM notification.feed_tickets".to_owned();
    let postrider_storage::Value(tickets): postrider_storage::Value<i64> =
        postrider_storage::Statement::dynamic(tickets).get_result(&lab.world.db.admin().await).await.unwrap();
    assert_eq!(tickets, 0);
    // It is the last ones that are left, and none is missing among them.
    assert!(most["notifications"] >= 2 * RETENTION - 1 && most["feed"] >= RETENTION - 1, "{most:?}");
}
