//! The notification queue: durable dedupe, fan-out to tenants, early pushes, releases that swallow no mark.

use std::sync::Arc;

use chrono::TimeDelta;
use postrider_domain::{Clock, EmailAddress, HistoryId};
use postrider_gmail_sim::mailbox::{Lag, LagScope};
use postrider_gmail_sim::{Deliver, MailboxSpec, Sizes, World};
use postrider_storage::{Db, Statement, row, sql};
use postrider_sync_worker::store::queue::{Push, enqueue, fold};

use uuid::Uuid;

use crate::gmail::{SimAccess, SimGmail};
use crate::harness::{Ids, database, engine, mirror, within};
use crate::rig::rig;

fn push(address: &str, history_id: u64, source: &str) -> Push {
    Push {
        seed: Uuid::nil(),
        address_key: EmailAddress::parse(address).unwrap().lookup_key(),
        history_id: HistoryId(history_id),
        source_message_id: source.to_owned(),
        source: "pubsub".to_owned(),
        published_at: None,
        trace: None,
    }
}

async fn send(db: &Db, ids: &Ids, pushes: Vec<Push>) -> usize {
    let pushes: Vec<_> = pushes.into_iter().map(|push| Push { seed: ids.seams.ids.uuid(), ..push }).collect();
    let tx = db.system().await.unwrap();
    let marked = enqueue(&tx, &pushes, ids.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    marked.len()
}

row! {
    #[derive(Debug)]
    struct Row {
        status: String,
        outcome: Option<String>,
        due_in: i64,
        requested: i64,
        due_reason: String,
    }
}

async fn rows(db: &Db, ids: &Ids) -> Vec<Row> {
    let tx = db.tenant(&ids.tenant).await.unwrap();
    let rows = sql("SELECT q.status, q.outcome, m.requested, m.due_reason, \
           extract(epoch FROM m.due_at - q.created_at)::bigint AS due_in FROM notification_queue q \
         JOIN mailboxes m ON m.connector_id = q.connector_id WHERE q.connector_id = $1 ORDER BY q.created_at, q.id")
    .bind(ids.connector)
    .load::<Row>(&tx)
    .await
    .unwrap();
    tx.commit().await.unwrap();
    rows
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_reaches_every_mailbox_of_its_address_once() {
    let test = database().await;
    let (one, two) = (Ids::of(1), Ids { address: Ids::of(1).address, ..Ids::of(2) });
    one.connect(&test.db, "sub").await;
    two.connect(&test.db, "sub").await;
    let batch = || vec![push(&one.address, 5, "a"), push("nobody@example.com", 5, "b"), push(&one.address, 5, "a")];
    assert_eq!(send(&test.db, &one, batch()).await, 2);
    assert_eq!(send(&test.db, &one, batch()).await, 0);
    for ids in [&one, &two] {
        let rows = rows(&test.db, ids).await;
        assert_eq!((rows.len(), rows[0].requested), (1, 1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_early_push_is_looked_at_on_schedule_and_then_not_seen() {
    let test = database().await;
    let ids = Ids::of(3);
    ids.connect(&test.db, "sub").await;
    let world = World::new(3, Arc::new(ids.clock.clone()));
    let spec = MailboxSpec { sizes: Sizes::Small, ..MailboxSpec::new(ids.address.clone(), 2) };
    world.create_mailbox(&spec).unwrap();
    let gmail = SimGmail::new(world.clone(), &ids.address, ids.clock.clone(), 3, 50);
    let access = SimAccess(Arc::new(move |_| Some(gmail.clone())));
    let engine = engine(&test.db, access, ids.seams.clone(), "one");
    while engine.run_mailbox(ids.connector).await.unwrap() {}
    // History is 8 s behind its push: the look at +15 s finds it.
    world.set_lag(&ids.address, Lag { span: TimeDelta::seconds(8), scope: LagScope::NewMail }).unwrap();
    let id = world.deliver(&ids.address, Deliver::default()).unwrap();
    let head = world.truth(&ids.address).unwrap()[&id.to_string()].history_id;
    send(&test.db, &ids, vec![push(&ids.address, head, "early"), push(&ids.address, head + 1_000, "never")]).await;
    // A new entry begins the schedule anew: at +15 s, its looks are at +30 and +75 s.
    for (wait, next, open) in [(0, 2, 2), (2, 5, 2), (3, 15, 2), (10, 30, 1), (15, 75, 1)] {
        ids.clock.advance(TimeDelta::seconds(wait));
        assert!(engine.run_mailbox(ids.connector).await.unwrap());
        assert!(!engine.run_mailbox(ids.connector).await.unwrap(), "it rests between the looks");
        let rows = rows(&test.db, &ids).await;
        assert_eq!(rows.iter().filter(|row| row.status == "pending").count(), open, "{rows:?}");
        assert_eq!((rows[0].due_in, rows[0].due_reason.as_str()), (next, "early_push"));
        let there = mirror(&test.db, &ids.tenant, ids.connector).await.contains_key(&id.to_string());
        assert_eq!(there, open == 1);
    }
    ids.clock.advance(TimeDelta::seconds(45));
    assert!(engine.run_mailbox(ids.connector).await.unwrap());
    let mut outcomes: Vec<_> = rows(&test.db, &ids).await.into_iter().filter_map(|row| row.outcome).collect();
    outcomes.sort_unstable();
    assert_eq!(outcomes, ["applied", "not_seen"]);
    assert_ne!(rows(&test.db, &ids).await[0].due_reason, "early_push", "the schedule is over");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mark_that_comes_at_any_moment_of_a_pass_is_seen_to() {
    let test = database().await;
    let ids = Ids::of(4);
    ids.connect(&test.db, "sub").await;
    let world = World::new(4, Arc::new(ids.clock.clone()));
    let spec = MailboxSpec { sizes: Sizes::Small, ..MailboxSpec::new(ids.address.clone(), 2) };
    world.create_mailbox(&spec).unwrap();
    let gmail = SimGmail::new(world.clone(), &ids.address, ids.clock.clone(), 4, 50);
    let access = SimAccess(Arc::new(move |_| Some(gmail.clone())));
    let engine = engine(&test.db, access, ids.seams.clone(), "one");
    while engine.run_mailbox(ids.connector).await.unwrap() {}
    let deliver = || {
        let id = world.deliver(&ids.address, Deliver::default()).unwrap();
        push(&ids.address, world.truth(&ids.address).unwrap()[&id.to_string()].history_id, &id.to_string())
    };
    for polls in (1..80).step_by(3) {
        send(&test.db, &ids, vec![deliver()]).await;
        let mut run = std::pin::pin!(engine.run_mailbox(ids.connector));
        let ended = within(run.as_mut(), polls).await;
        let late = vec![deliver()];
        if ended.is_none() {
            // Whoever marks may hold the row just when the pass takes it: then the next pass does.
            let (ran, _) = tokio::join!(run, send(&test.db, &ids, late));
            let _whether_it_took_the_row = ran.unwrap();
        } else {
            send(&test.db, &ids, late).await;
        }
        // No time passes: what is not due by its mark is late.
        while engine.run_mailbox(ids.connector).await.unwrap() {}
        let truth = world.truth(&ids.address).unwrap();
        assert!(truth.keys().eq(mirror(&test.db, &ids.tenant, ids.connector).await.keys()), "after {polls} polls");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pushes_of_an_account_that_is_not_followed_are_folded_into_one_and_applied_once_it_is() {
    let rig = rig(94, 3).await;
    rig.work().await;
    let set = async |text: &str| {
        Statement::dynamic(format!("UPDATE mailbox.mailboxes SET {text}"))
            .execute(&rig.test.admin().await)
            .await
            .unwrap();
    };
    let fold = async || {
        let tx = rig.test.db.system().await.unwrap();
        let folded = fold(&tx, 2).await.unwrap();
        tx.commit().await.unwrap();
        folded
    };
    let waiting = "SELECT count(*) AS value FROM notification_queue WHERE connector_id = $1 AND status = 'pending'";
    let greatest =
        "SELECT max(history_id) AS value FROM notification_queue WHERE connector_id = $1 AND status = 'pending'";
    let stands_for = "SELECT coalesce(max((notification_data ->> 'folded')::bigint), 0) AS value FROM notification_queue \
      WHERE connector_id = $1 AND status = 'pending'";
    let head = rig.head();
    for ahead in [0, 3, 1] {
        rig.push(head + ahead).await;
    }
    assert_eq!(fold().await, 0, "they are to be followed");
    set("status = 'paused'").await;
    assert_eq!((fold().await, fold().await, rig.number(waiting).await), (2, 0, 1));
    assert_eq!(rig.number(greatest).await, i64::try_from(head + 3).unwrap());
    // Google goes on pushing.
    for ahead in 0..4 {
        rig.push(head + ahead).await;
    }
    while fold().await > 0 {}
    assert_eq!((rig.number(waiting).await, rig.number(stands_for).await), (1, 6));
    let mail = rig.deliver();
    rig.push(rig.head()).await;
    set("status = 'active', due_at = created_at").await;
    rig.ids.clock.advance(TimeDelta::minutes(2));
    rig.work().await;
    assert_eq!(rig.number(waiting).await, 0);
    assert!(rig.mirrored().await.contains(&mail));
    // What ended needs none.
    rig.push(rig.head()).await;
    set("status = 'disconnected'").await;
    assert_eq!((fold().await, rig.number(waiting).await), (1, 0));
}
