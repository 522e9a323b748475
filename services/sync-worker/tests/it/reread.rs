//! Stored sources read again: rows that an older reader made become what this one makes, whoever dies on the way.

#![expect(clippy::disallowed_methods, reason = "a task that the test itself waits for")]

use std::time::Duration;

use postrider_gmail_sim::Deliver;
use postrider_storage::{Db, Statement, Value};
use postrider_sync_worker::content::reading::Versions;
use postrider_sync_worker::jobs::{keep_attachments, reread};
use postrider_sync_worker::kept::Vault;
use postrider_sync_worker::metrics::Metrics;
use postrider_sync_worker::rules::search::query::Query;
use postrider_sync_worker::rules::search::terms::Prefix;
use postrider_sync_worker::state::State;
use postrider_sync_worker::store::search::{self, Lookup};
use postrider_testing::eventually;
use tokio_util::sync::CancellationToken;

use crate::harness::within;
use crate::rig::{Rig, rig};

const PARTS: &[u8] = b"From: Zoe <zoe@example.org>\r\nTo: ann@example.com\r\nSubject: the gate\r\n\
    Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: text/html\r\n\r\n<p>paint the gate vermilion</p>\r\n\
    --x\r\nContent-Type: image/png; name=a.png\r\nContent-Disposition: attachment\r\n\r\nx\r\n\
    --x\r\nContent-Type: application/pdf; name=b.pdf\r\nContent-Disposition: attachment\r\n\r\nyy\r\n--x--\r\n";

fn state(rig: &Rig, db: Db, replica: &str) -> State {
    let (seams, engine) = (rig.ids.seams.clone(), rig.engine.clone());
    State { db, seams, engine, metrics: Metrics::new(&prometheus::Registry::new()), replica: replica.to_owned() }
}

async fn run(rig: &Rig) {
    let state = state(rig, rig.test.db.clone(), "one");
    reread::run(&state, &vault(rig), &CancellationToken::new()).await.unwrap();
}

fn vault(rig: &Rig) -> Vault {
    Vault::new(rig.test.db.clone(), None)
}

async fn execute(rig: &Rig, text: &str) {
    Statement::dynamic(text.to_owned()).execute(&rig.test.admin().await).await.unwrap();
}

async fn text(rig: &Rig, text: &str) -> String {
    let row = Statement::dynamic(text.to_owned()).get_result::<Value<String>>(&rig.test.admin().await).await;
    row.unwrap().0
}

/// A mailbox with mails of every kind.
async fn mailbox(seed: u64, mails: u32) -> Rig {
    let rig = rig(seed, mails).await;
    rig.world.deliver(&rig.ids.address, Deliver { raw: Some(PARTS.to_vec()), ..Deliver::default() }).unwrap();
    rig.push(0).await;
    rig.live_through(1).await;
    rig
}

/// All that a reader makes, mail by mail.
const CONTENT: &str = "SELECT concat_ws('#', \
    (SELECT string_agg(concat_ws('|', message_id, subject, sender_name, sender_key, recipients, md5(headers::text), md5(text), \
       md5(html), has_attachments, size_bytes, rfc_message_id, parse_error, parser_version, protection, invitation, \
       label_ids, received_at, snippet), E'\\n' ORDER BY message_id) FROM mailbox.emails), \
    (SELECT string_agg(concat_ws('|', email_id, part_id, filename, content_type, size_bytes, inline, begins_at, ends_at, \
       written, line_digits, line_bytes), E'\\n' ORDER BY email_id, part_id) FROM mailbox.attachments), \
    (SELECT string_agg(concat_ws('|', email_id, received_at, version, document), E'\\n' ORDER BY email_id) \
       FROM mailbox.email_search)) AS value";

const CHANGED: &str = "SELECT concat_ws('#', count(DISTINCT updated_at), max(updated_at)) AS value FROM mailbox.emails";

/// As rows were before versions were kept and before there was a search.
async fn age(rig: &Rig) {
    for statement in [
        "UPDATE mailbox.emails SET parser_version = 0, sender_key = '', text = 'read wrongly'",
        "UPDATE mailbox.attachments SET part_id = 'old.' || part_id, filename = 'wrong' WHERE content_type = 'image/png'",
        "UPDATE mailbox.attachments SET begins_at = NULL, ends_at = NULL, written = NULL, line_digits = NULL, line_bytes = NULL",
        "DELETE FROM mailbox.email_search",
        "UPDATE mailbox.mailboxes SET read_version = 0, reread_to = 0",
    ] {
        execute(rig, statement).await;
    }
}

async fn version(rig: &Rig) -> String {
    text(
        rig,
        "SELECT concat_ws(' ', read_version, reread_done, reread_total, reread_after) AS value FROM mailbox.mailboxes",
    )
    .await
}

async fn found(rig: &Rig, word: &str) -> usize {
    let query = Query::parse(word).unwrap().positive(Prefix::of(rig.ids.connector)).unwrap();
    let lookup = Lookup { accounts: vec![rig.ids.connector], queries: vec![query], ..Lookup::default() };
    let tx = rig.test.db.tenant(&rig.ids.tenant).await.unwrap();
    search::find(&tx, &lookup, 10).await.unwrap().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_that_an_older_reader_read_becomes_as_new_mail_is() {
    let rig = mailbox(71, 120).await;
    let fresh = text(&rig, CONTENT).await;
    // A new mailbox has nothing to read again.
    run(&rig).await;
    let current = Versions::CURRENT.as_one();
    assert_eq!(version(&rig).await, format!("{current} 0 0"));
    age(&rig).await;
    assert_ne!(text(&rig, CONTENT).await, fresh);
    assert_eq!(found(&rig, "vermilion").await, 0);
    run(&rig).await;
    assert_eq!(text(&rig, CONTENT).await, fresh);
    assert_eq!(found(&rig, "vermilion").await, 1);
    assert_eq!(version(&rig).await, format!("{current} 121 121"));
    // Once more changes nothing: not even when a row was changed last.
    let changed = text(&rig, CHANGED).await;
    execute(&rig, "UPDATE mailbox.mailboxes SET read_version = 0, reread_all = true").await;
    rig.ids.clock.advance(chrono::TimeDelta::hours(1));
    run(&rig).await;
    assert_eq!((text(&rig, CONTENT).await, text(&rig, CHANGED).await), (fresh, changed));
    assert_eq!(version(&rig).await, format!("{current} 121 121"));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_dies_on_the_way_is_followed_and_two_at_once_do_no_harm() {
    let rig = mailbox(72, 160).await;
    let fresh = text(&rig, CONTENT).await;
    age(&rig).await;
    let (stop, current) = (CancellationToken::new(), format!("{} ", Versions::CURRENT.as_one()));
    let (vault, mut deaths) = (vault(&rig), 0);
    for polls in 1.. {
        let state = state(&rig, rig.test.replica(), &format!("replica {polls}"));
        let done = within(Box::pin(reread::run(&state, &vault, &stop)).as_mut(), polls * 3).await;
        execute(&rig, "UPDATE mailbox.leases SET until = clock_timestamp() - interval '1 second'").await;
        match done {
            Some(Ok(())) if version(&rig).await.starts_with(&current) => break,
            // One that met a dead one's transaction does nothing, or fails; the next one goes on.
            Some(_) => {}
            None => deaths += 1,
        }
        assert!(polls < 500, "never done");
    }
    assert!(deaths > 3, "{deaths}");
    assert_eq!(text(&rig, CONTENT).await, fresh);
    age(&rig).await;
    let (one, two) = (state(&rig, rig.test.replica(), "one"), state(&rig, rig.test.replica(), "two"));
    let (one, two) = tokio::join!(reread::run(&one, &vault, &stop), reread::run(&two, &vault, &stop));
    one.unwrap();
    two.unwrap();
    assert_eq!(text(&rig, CONTENT).await, fresh);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_is_to_be_erased_is_left_alone_even_in_the_middle() {
    let rig = mailbox(73, 5).await;
    age(&rig).await;
    let old = text(&rig, CONTENT).await;
    let admin = rig.test.admin().await;
    // Marked in a transaction that is open while the job begins: it sees a mailbox like any other.
    execute(&rig, &format!("UPDATE mailbox.mailboxes SET reread_to = {}", Versions::CURRENT.as_one())).await;
    for statement in ["BEGIN", "UPDATE mailbox.mailboxes SET erase = true"] {
        Statement::dynamic(statement.to_owned()).execute(&admin).await.unwrap();
    }
    let (task, vault, stop) = (state(&rig, rig.test.db.clone(), "one"), vault(&rig), CancellationToken::new());
    let reading = tokio::spawn(async move { reread::run(&task, &vault, &stop).await });
    eventually("the job waits for the mailbox", Duration::from_secs(20), || async {
        let waiting = "SELECT count(*)::text AS value FROM pg_stat_activity \
            WHERE datname = current_database() AND wait_event_type = 'Lock'";
        let waiting = text(&rig, waiting).await;
        (waiting != "0" || reading.is_finished()).then_some(())
    })
    .await;
    Statement::dynamic("COMMIT".to_owned()).execute(&admin).await.unwrap();
    reading.await.unwrap().unwrap();
    assert_eq!(text(&rig, CONTENT).await, old);
    // And from the start.
    run(&rig).await;
    assert_eq!(text(&rig, CONTENT).await, old);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_cannot_be_read_holds_up_no_other() {
    let rig = mailbox(74, 20).await;
    age(&rig).await;
    execute(
        &rig,
        "UPDATE mailbox.email_sources SET codec = 1, raw = 'no zstd' WHERE email_id = \
        (SELECT email_id FROM mailbox.emails ORDER BY received_at DESC OFFSET 7 LIMIT 1)",
    )
    .await;
    execute(
        &rig,
        "DELETE FROM mailbox.email_sources WHERE email_id = \
        (SELECT email_id FROM mailbox.emails ORDER BY received_at DESC OFFSET 9 LIMIT 1)",
    )
    .await;
    run(&rig).await;
    let counts = "SELECT concat_ws(' ', count(*) FILTER (WHERE text IS DISTINCT FROM 'read wrongly'), \
        count(*) FILTER (WHERE parse_error = 'source_unreadable')) AS value FROM mailbox.emails";
    assert_eq!(text(&rig, counts).await, "19 1");
    assert_eq!(version(&rig).await, format!("{} 21 21", Versions::CURRENT.as_one()));
}

#[tokio::test(flavor = "multi_thread")]
async fn kept_bytes_stay_where_they_are_certainly_the_same() {
    let rig = mailbox(75, 0).await;
    execute(&rig, "UPDATE mailbox.mailboxes SET settings = settings || '{\"attachments\": \"eager\"}'").await;
    let keep = async || {
        let state = state(&rig, rig.test.db.clone(), "one");
        keep_attachments::run(&state, None, &CancellationToken::new()).await.unwrap();
    };
    keep().await;
    let states = "SELECT string_agg(concat_ws(' ', filename, state, blob_key IS NOT NULL), ', ' ORDER BY filename) \
        || '; ' || (SELECT count(*) FROM mailbox.blobs) AS value FROM mailbox.attachments";
    assert_eq!(text(&rig, states).await, "a.png stored t, b.pdf stored t; 2");
    // An older reader cut one of them elsewhere.
    execute(&rig, "UPDATE mailbox.attachments SET begins_at = begins_at - 1 WHERE filename = 'b.pdf'").await;
    execute(&rig, "UPDATE mailbox.emails SET parser_version = 0").await;
    execute(&rig, "UPDATE mailbox.mailboxes SET read_version = 0, reread_to = 0").await;
    run(&rig).await;
    assert_eq!(text(&rig, states).await, "a.png stored t, b.pdf listed f; 1");
    keep().await;
    assert_eq!(text(&rig, states).await, "a.png stored t, b.pdf stored t; 2");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_source_in_one_lump_is_read_and_divided() {
    let rig = mailbox(76, 2).await;
    let mut raw = PARTS.to_vec();
    let begin = raw.windows(10).position(|bytes| bytes == b"vermilion<").unwrap();
    raw.splice(begin..begin, (0..3 << 20).map(|at| b"0123456789 "[at % 11]));
    rig.world.deliver(&rig.ids.address, Deliver { raw: Some(raw.clone()), ..Deliver::default() }).unwrap();
    rig.push(rig.head()).await;
    rig.work().await;
    let chunks = "SELECT concat_ws(' ', (SELECT count(*) FROM mailbox.email_sources WHERE codec = 2), \
        (SELECT count(*) FROM mailbox.source_chunks)) AS value";
    assert_eq!(text(&rig, chunks).await, "1 4");
    let fresh = text(&rig, CONTENT).await;
    // As it was stored before there were chunks.
    let lump = "WITH large AS (SELECT email_id FROM mailbox.email_sources WHERE codec = 2), \
        gone AS (DELETE FROM mailbox.source_chunks) \
        UPDATE mailbox.email_sources s SET codec = 0, raw = $1 FROM large WHERE s.email_id = large.email_id";
    Statement::dynamic(lump.to_owned()).bind(raw.as_slice()).execute(&rig.test.admin().await).await.unwrap();
    assert_eq!(text(&rig, chunks).await, "0 0");
    let id = text(&rig, "SELECT email_id::text AS value FROM mailbox.emails ORDER BY size_bytes DESC LIMIT 1").await;
    let held = vault(&rig).source(&rig.ids.tenant, id.parse().unwrap()).await.unwrap().unwrap();
    assert!(held.whole().await.unwrap() == raw, "another mail's bytes");
    age(&rig).await;
    run(&rig).await;
    assert_eq!(text(&rig, CONTENT).await, fresh);
    assert_eq!(text(&rig, chunks).await, "1 4");
    let held = vault(&rig).source(&rig.ids.tenant, id.parse().unwrap()).await.unwrap().unwrap();
    assert!(held.whole().await.unwrap() == raw, "another mail's bytes");
}
