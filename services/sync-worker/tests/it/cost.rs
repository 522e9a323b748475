//! What an incremental sync costs does not depend on how much mail is there already.
//!
//! CI compares small mirrors. `COST_MAILS=100000 cargo nextest run -p postrider-sync-worker -E 'test(cost::)'` compares
//! 1,000 mails with so many, and their times too.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a proxy of the test's own; figures for a person, asked for by hand"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use postrider_domain::Secret;
use postrider_storage::{Db, DbConfig, Spec, Statement};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

use crate::gmail::SimAccess;
use crate::harness::engine;
use crate::rig::{Rig, rig};

/// Looks that are measured.
const LOOKS: usize = 15;

/// Statements that went through to the server: it passes bytes on and reads the frames of the client.
async fn counted(test_url: &Secret) -> (Secret, Arc<AtomicUsize>) {
    let mut url: Url = test_url.expose().parse().unwrap();
    let server = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap_or(5432));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    url.set_host(Some("127.0.0.1")).unwrap();
    url.set_port(Some(listener.local_addr().unwrap().port())).unwrap();
    url.query_pairs_mut().append_pair("sslmode", "disable");
    let count = Arc::new(AtomicUsize::new(0));
    let counter = count.clone();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect(&server).await.unwrap();
            tokio::spawn(pass(client, server, counter.clone()));
        }
    });
    (Secret::new(url.to_string()), count)
}

/// Frames of the client: a length-prefixed start, then a type, a length and the rest. Q runs a text, E what was bound.
async fn pass(client: TcpStream, server: TcpStream, count: Arc<AtomicUsize>) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
    let (mut pending, mut buffer, mut started) = (Vec::new(), vec![0; 64 << 10], false);
    while let Ok(read @ 1..) = from_client.read(&mut buffer).await {
        pending.extend_from_slice(&buffer[..read]);
        loop {
            let head = usize::from(started);
            let Some(length) = pending.get(head..head + 4) else { break };
            let frame = head + u32::from_be_bytes(length.try_into().unwrap()) as usize;
            if pending.len() < frame {
                break;
            }
            if started && matches!(pending[0], b'Q' | b'E') {
                count.fetch_add(1, Ordering::Relaxed);
            }
            started = true;
            pending.drain(..frame);
        }
        if to_server.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}

/// Makes a mirror of so many mails out of the one that is there.
async fn fill(rig: &Rig, mails: usize) {
    let admin = rig.test.admin().await;
    let text = format!(
        "CREATE TEMPORARY TABLE copies AS SELECT gen_random_uuid() AS id, 'c' || to_hex(n) AS message \
           FROM generate_series(1, {mails}) AS n; \
         INSERT INTO mailbox.emails SELECT (jsonb_populate_record(e, jsonb_build_object('email_id', c.id, 'message_id', \
           c.message, 'thread_id', c.message))).* FROM (SELECT e FROM mailbox.emails e LIMIT 1) one (e), copies c; \
         INSERT INTO mailbox.email_labels SELECT (jsonb_populate_record(l, jsonb_build_object('email_id', c.id))).* \
           FROM (SELECT l FROM mailbox.email_labels l WHERE email_id = (SELECT email_id FROM mailbox.emails \
             WHERE message_id NOT LIKE 'c%' LIMIT 1)) rows (l), copies c; \
         INSERT INTO mailbox.email_sources SELECT (jsonb_populate_record(s, jsonb_build_object('email_id', c.id))).* \
           FROM (SELECT s FROM mailbox.email_sources s LIMIT 1) one (s), copies c; \
         INSERT INTO mailbox.email_search SELECT (jsonb_populate_record(s, jsonb_build_object('email_id', c.id))).* \
           FROM (SELECT s FROM mailbox.email_search s LIMIT 1) one (s), copies c"
    );
    for statement in text.split("; ") {
        Statement::dynamic(statement.to_owned()).execute(&admin).await.unwrap();
    }
    Statement::dynamic("ANALYZE".to_owned()).execute(&admin).await.unwrap();
}

/// (statements of one look that brings one mail, the same for all; the median of their times).
async fn cost(seed: u64, mails: usize) -> (usize, Duration) {
    let mut rig = rig(seed, 1).await;
    let (url, count) = counted(&rig.test.url).await;
    let db = Db::connect(DbConfig::new(url, Spec::SYNC_WORKER)).unwrap();
    let gmail = rig.gmail.clone();
    rig.engine = engine(&db, SimAccess(Arc::new(move |_| Some(gmail.clone()))), rig.ids.seams.clone(), "one");
    rig.work().await;
    fill(&rig, mails).await;
    let (mut statements, mut times) = (Vec::new(), Vec::new());
    for look in 0..LOOKS + 3 {
        rig.deliver();
        rig.push(rig.head()).await;
        let (before, begun) = (count.load(Ordering::Relaxed), Instant::now());
        assert!(rig.engine.run_mailbox(rig.ids.connector).await.unwrap());
        // The first ones open connections and prepare their statements.
        if look >= 3 {
            statements.push(count.load(Ordering::Relaxed) - before);
            times.push(begun.elapsed());
        }
    }
    statements.sort_unstable();
    times.sort_unstable();
    println!("{mails} mails: {statements:?} statements, {times:?}");
    (statements[LOOKS / 2], times[LOOKS / 2])
}

#[tokio::test(flavor = "multi_thread")]
async fn an_incremental_sync_costs_the_same_however_much_mail_is_there() {
    let large: Option<usize> = std::env::var("COST_MAILS").ok().map(|mails| mails.parse().unwrap());
    let (few, many) = large.map_or((200, 4_000), |large| (1_000, large));
    let (small, fast) = cost(91, few).await;
    let (big, slow) = cost(91, many).await;
    assert_eq!(small, big, "statements of an incremental sync");
    assert!(small > 5, "{small}: the frames are not understood");
    let ratio = slow.as_secs_f64() / fast.as_secs_f64();
    println!("{few} mails: {fast:?}, {many} mails: {slow:?}, ratio {ratio:.2}");
    // Times are for a machine with nothing else to do.
    assert!(large.is_none() || ratio <= 1.3, "{ratio}");
}
