//! What is forgotten after 30 days, and by whom: the system role may delete these rows and read no mail. And what is left of
//! deleted mail.

use chrono::TimeDelta;
use postrider_domain::{Clock as _, EmailId};
use postrider_gmail_sim::Deliver;
use postrider_storage::{Statement, Value, sql};
use postrider_sync_worker::jobs::retain;
use postrider_sync_worker::metrics::Metrics;
use postrider_sync_worker::state::State;
use postrider_sync_worker::store::{changes, queue, references, runs};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::harness::{Ids, database};
use crate::rig::{Rig, rig};

#[tokio::test(flavor = "multi_thread")]
async fn old_changes_and_settled_pushes_go_and_nothing_else() {
    let test = database().await;
    let ids = Ids::of(9);
    ids.connect(&test.db, "sub").await;
    let now = ids.clock.now();
    let tx = test.db.tenant(&ids.tenant).await.unwrap();
    for (n, age) in [40_i64, 31, 29, 0].into_iter().enumerate() {
        let at = now - TimeDelta::days(age);
        sql("INSERT INTO changes (tenant, connector_id, generation, history_id, kind, message_id, thread_id, \
               created_at) VALUES ($1, $2, 1, $3, 'added', 'm', 't', $4)")
        .binds((&ids.tenant, ids.connector, i64::try_from(n).unwrap(), at))
        .execute(&tx)
        .await
        .unwrap();
        for status in ["completed", "pending"] {
            sql("INSERT INTO notification_queue (id, tenant, connector_id, source_message_id, source, history_id, \
                   status, notification_data, created_at, updated_at) \
                 VALUES ($1, $2, $3, $4, 'pubsub', 1, $5, $6, $7, $7)")
            .binds((ids.seams.ids.uuid(), &ids.tenant, ids.connector, format!("{status} {n}"), status, json!({}), at))
            .execute(&tx)
            .await
            .unwrap();
        }
    }
    tx.commit().await.unwrap();
    // One row of each kind at a time, until nothing is left to forget.
    for gone in [2, 2, 0] {
        let mut tx = test.db.system().await.unwrap();
        let before = now - TimeDelta::days(30);
        let changes = changes::forget(&mut tx, before, 1).await.unwrap();
        assert_eq!(changes + queue::forget(&mut tx, before, 1).await.unwrap(), gone);
        tx.commit().await.unwrap();
    }
    let tx = test.db.tenant(&ids.tenant).await.unwrap();
    for (statement, left) in [
        ("SELECT count(*) AS value FROM changes", 2),
        ("SELECT count(*) AS value FROM notification_queue WHERE status = 'completed'", 2),
        ("SELECT count(*) AS value FROM notification_queue WHERE status = 'pending'", 4),
    ] {
        assert_eq!(sql(statement).get_result::<Value<i64>>(&tx).await.unwrap().0, left, "{statement}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ended_runs_are_forgotten_but_not_what_coverage_speaks_of() {
    let test = database().await;
    let ids = Ids::of(10);
    ids.connect(&test.db, "sub").await;
    let now = ids.clock.now();
    let tx = test.db.tenant(&ids.tenant).await.unwrap();
    for (n, (kind, state, days)) in [
        ("audit", "completed", 95),
        ("audit", "completed", 91), // the newest that came to its end
        ("audit", "failed", 91),
        ("audit", "completed", 99),
        ("incremental", "completed", 93),
        ("incremental", "completed", 89),
        ("full", "queued", 0),
        ("erase", "completed", 99),
    ]
    .into_iter()
    .enumerate()
    {
        let at = now - TimeDelta::days(days);
        let ended = (state != "queued").then_some(at);
        sql("INSERT INTO sync_runs (tenant, run_id, connector_id, kind, reason, state, generation, listing_cleared, \
               finished_at, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, 1, true, $7, $8, $8)")
        .binds((&ids.tenant, ids.seams.ids.uuid(), ids.connector, kind, format!("asked {n}"), state, ended, at))
        .execute(&tx)
        .await
        .unwrap();
    }
    tx.commit().await.unwrap();
    for gone in [2, 2, 0] {
        let mut tx = test.db.system().await.unwrap();
        assert_eq!(runs::forget(&mut tx, now - TimeDelta::days(90), 2).await.unwrap(), gone);
        tx.commit().await.unwrap();
    }
    let tx = test.db.tenant(&ids.tenant).await.unwrap();
    let left = sql("SELECT string_agg(right(reason, 1), ' ' ORDER BY reason) AS value FROM sync_runs");
    assert_eq!(left.get_result::<Value<String>>(&tx).await.unwrap().0, "1 5 6 7");
}

/// Gmail pushed, and what is due is done.
async fn look(rig: &Rig) {
    rig.push(rig.head()).await;
    rig.work().await;
}

/// Counts of rows, table by table.
async fn count(rig: &Rig, table: &str) -> i64 {
    let text = format!("SELECT count(*) AS value FROM mailbox.{table}");
    Statement::dynamic(text).get_result::<Value<i64>>(&rig.test.admin().await).await.unwrap().0
}

fn state(rig: &Rig, replica: &str) -> State {
    let (db, seams, engine) = (rig.test.replica(), rig.ids.seams.clone(), rig.engine.clone());
    State { db, seams, engine, metrics: Metrics::new(&prometheus::Registry::new()), replica: replica.to_owned() }
}

fn with_file(n: usize) -> Deliver {
    let raw = format!(
        "From: Zoe <zoe@example.org>\r\nTo: ann@example.com\r\nSubject: mail {n}\r\nContent-Type: multipart/mixed; \
         boundary=x\r\n\r\n--x\r\n\r\nword{n}\r\n--x\r\nContent-Type: image/png; name=a.png\r\n\
         Content-Disposition: attachment\r\n\r\nx\r\n--x--\r\n"
    );
    Deliver { raw: Some(raw.into_bytes()), ..Deliver::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_year_there_is_what_lives_what_is_kept_and_a_tombstone_for_the_rest() {
    const DAYS: usize = 365;
    const KEEP: i64 = 30;
    let rig = rig(81, 10).await;
    rig.live_through(1).await;
    let (address, stop) = (rig.ids.address.clone(), CancellationToken::new());
    let admin = rig.test.admin().await;
    let (one, two, keep) = (state(&rig, "one"), state(&rig, "two"), TimeDelta::days(KEEP));
    let mut alive = Vec::new();
    // (day of its end, whether it was a draft, whether something holds on to it) of all that is gone.
    let mut gone: Vec<(usize, bool, bool)> = Vec::new();
    for day in 0..DAYS {
        let id = rig.world.deliver(&address, with_file(day)).unwrap();
        alive.push(id);
        // A draft is saved three times: each save is a message of its own in place of the one before. The second is never seen.
        let draft = Deliver { labels: Some(vec!["DRAFT".to_owned()]), ..with_file(DAYS + day) };
        let mut saved = rig.world.deliver(&address, draft.clone()).unwrap();
        look(&rig).await;
        for _ in 0..2 {
            rig.world.delete(&address, saved).unwrap();
            gone.push((day, true, false));
            saved = rig.world.deliver(&address, draft.clone()).unwrap();
        }
        if day % 7 != 0 {
            // Sent, or thrown away.
            rig.world.delete(&address, saved).unwrap();
            gone.push((day, true, false));
        }
        if day % 3 == 0 && alive.len() > 5 {
            let (id, held) = (alive.remove(day % 5), day % 30 == 0);
            if held {
                let text = format!(
                    "INSERT INTO mailbox.email_references (tenant, email_id, kind, ref) SELECT tenant, email_id, 'task', \
                     message_id FROM mailbox.emails WHERE message_id = '{id}'"
                );
                assert_eq!(Statement::dynamic(text).execute(&admin).await.unwrap(), 1);
            }
            rig.world.delete(&address, id).unwrap();
            gone.push((day, false, held));
        }
        look(&rig).await;
        // Two replicas look at once.
        let (one, two) = tokio::join!(retain::run(&one, keep, &stop), retain::run(&two, keep, &stop));
        one.unwrap();
        two.unwrap();
        rig.ids.clock.advance(TimeDelta::days(1));
    }
    let live = rig.truth().len();
    assert_eq!(rig.mirrored().await.len(), live);
    // The last look was on the last day.
    let is_kept =
        |(day, draft, held): &(usize, bool, bool)| *held || !draft && DAYS - 1 - day <= usize::try_from(KEEP).unwrap();
    let kept = gone.iter().filter(|mail| is_kept(mail)).count();
    let [live, kept, gone] = [live, kept, gone.len()].map(|count| i64::try_from(count).unwrap());
    assert!(kept > 15 && gone > 900, "{kept} of {gone}");
    assert_eq!(count(&rig, "emails WHERE NOT is_deleted").await, live);
    assert_eq!(count(&rig, "emails WHERE is_deleted AND NOT stub").await, kept);
    assert_eq!(count(&rig, "emails WHERE stub").await, gone - kept);
    assert_eq!(count(&rig, "emails").await, live + gone);
    for table in ["email_sources", "email_search"] {
        assert_eq!(count(&rig, table).await, live + kept, "{table}");
    }
    // The first ten mails of the mailbox have none, or others.
    let files = "attachments a JOIN mailbox.emails e USING (tenant, email_id) WHERE filename = 'a.png'";
    assert_eq!(count(&rig, files).await, count(&rig, "emails WHERE subject LIKE 'mail %'").await);
    assert_eq!(
        count(
            &rig,
            "attachments a WHERE NOT EXISTS (SELECT FROM mailbox.emails e \
        WHERE e.email_id = a.email_id AND NOT e.stub)"
        )
        .await,
        0
    );
    assert_eq!(
        count(
            &rig,
            "email_labels l WHERE NOT EXISTS (SELECT FROM mailbox.emails e \
        WHERE e.email_id = l.email_id AND NOT e.stub)"
        )
        .await,
        0
    );
    assert_eq!(count(&rig, "emails WHERE stub AND (text IS NOT NULL OR subject <> '' OR headers <> '[]')").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_referenced_in_the_moment_of_its_removal_stays_or_is_not_there() {
    let rig = rig(82, 3).await;
    rig.live_through(1).await;
    let admin = rig.test.admin().await;
    Statement::dynamic("UPDATE mailbox.emails SET is_deleted = true, deleted_at = '2000-01-01'".to_owned())
        .execute(&admin)
        .await
        .unwrap();
    let id = Statement::dynamic("SELECT email_id AS value FROM mailbox.emails ORDER BY email_id LIMIT 1".to_owned())
        .get_result::<Value<EmailId>>(&admin)
        .await
        .unwrap()
        .0;
    // Somebody is about to hold on to it: it is passed over, and found to be held afterwards.
    let tx = rig.test.db.tenant(&rig.ids.tenant).await.unwrap();
    assert!(references::put(&tx, &rig.ids.tenant, id, "task", "7", rig.ids.clock.now()).await.unwrap());
    let (job, stop) = (state(&rig, "one"), CancellationToken::new());
    retain::run(&job, TimeDelta::days(30), &stop).await.unwrap();
    assert_eq!(count(&rig, "emails WHERE stub").await, 2);
    tx.commit().await.unwrap();
    retain::run(&job, TimeDelta::days(30), &stop).await.unwrap();
    assert_eq!((count(&rig, "emails WHERE stub").await, count(&rig, "email_references").await), (2, 1));
    // One whose content is gone is held by nobody.
    let text = format!("SELECT email_id AS value FROM mailbox.emails WHERE email_id <> '{id}' LIMIT 1");
    let other = Statement::dynamic(text).get_result::<Value<EmailId>>(&admin).await.unwrap().0;
    let tx = rig.test.db.tenant(&rig.ids.tenant).await.unwrap();
    assert!(!references::put(&tx, &rig.ids.tenant, other, "task", "7", rig.ids.clock.now()).await.unwrap());
    tx.commit().await.unwrap();
    assert_eq!(count(&rig, "email_references").await, 1);
}
