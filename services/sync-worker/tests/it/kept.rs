//! Attachments that are kept: once for each content, as long as a row names it, in Postgres and in files.

use std::path::Path;

use chrono::TimeDelta;
use postrider_blobs::{AttachmentStore, Objects};
use postrider_gmail_sim::{Deliver, MsgId};
use postrider_storage::{Statement, Value};
use postrider_sync_worker::jobs::{keep_attachments, retain};
use postrider_sync_worker::metrics::Metrics;
use postrider_sync_worker::state::State;
use tokio_util::sync::CancellationToken;

use crate::harness::within;
use crate::rig::{Rig, rig};

fn state(rig: &Rig, replica: &str) -> State {
    let (db, seams, engine) = (rig.test.replica(), rig.ids.seams.clone(), rig.engine.clone());
    State { db, seams, engine, metrics: Metrics::new(&prometheus::Registry::new()), replica: replica.to_owned() }
}

async fn execute(rig: &Rig, text: &str) {
    Statement::dynamic(text.to_owned()).execute(&rig.test.admin().await).await.unwrap();
}

async fn text(rig: &Rig, text: &str) -> String {
    let row = Statement::dynamic(text.to_owned()).get_result::<Value<String>>(&rig.test.admin().await).await;
    row.unwrap().0
}

/// A mail with files, each `(name, size)` of the name's first letter.
fn deliver(rig: &Rig, files: &[(&str, usize)]) -> MsgId {
    let mut raw =
        "From: z@example.org\r\nSubject: files\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\nhi"
            .to_owned();
    for (name, size) in files {
        let body = name.get(..1).unwrap().repeat(*size);
        raw += &format!(
            "\r\n--x\r\nContent-Type: image/png; name={name}\r\nContent-Disposition: attachment\r\n\r\n{body}"
        );
    }
    raw += "\r\n--x--\r\n";
    rig.world.deliver(&rig.ids.address, Deliver { raw: Some(raw.into_bytes()), ..Deliver::default() }).unwrap()
}

async fn look(rig: &Rig) {
    rig.push(rig.head()).await;
    rig.work().await;
}

const STATES: &str = "SELECT string_agg(concat_ws(' ', filename, state, state_reason), ', ' ORDER BY filename, attachment_id) \
    AS value FROM mailbox.attachments";
const LEFT: &str = "SELECT count(*)::text AS value FROM mailbox.attachments WHERE state <> 'stored'";
const BLOBS: &str = "SELECT concat_ws(' ', count(*), sum(size_bytes), (SELECT count(*) FROM mailbox.blob_chunks), \
    (SELECT count(*) FROM mailbox.doomed_objects)) AS value FROM mailbox.blobs";

fn files(folder: &Path) -> usize {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    entries.map(|entry| entry.unwrap().path()).map(|path| if path.is_dir() { files(&path) } else { 1 }).sum()
}

async fn run(rig: &Rig, objects: Option<&Objects>) {
    keep_attachments::run(&state(rig, "one"), objects, &CancellationToken::new()).await.unwrap();
}

async fn bury(rig: &Rig, mail: MsgId) {
    rig.world.delete(&rig.ids.address, mail).unwrap();
    look(rig).await;
    rig.ids.clock.advance(TimeDelta::days(2));
    retain::run(&state(rig, "one"), TimeDelta::days(1), &CancellationToken::new()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn contents_are_kept_once_and_as_long_as_a_mail_has_them() {
    for in_files in [false, true] {
        let rig = rig(91, 0).await;
        rig.live_through(1).await;
        let folder = tempfile::tempdir().unwrap();
        let setting = AttachmentStore::Files(folder.path().to_owned());
        let objects = in_files.then(|| Objects::open(&setting).unwrap().unwrap());
        let one = deliver(&rig, &[("a.png", 10), ("b.png", 3 << 20)]);
        let other = deliver(&rig, &[("a2.png", 10), ("c.png", 300)]);
        look(&rig).await;
        // Nobody asked for it.
        run(&rig, objects.as_ref()).await;
        assert_eq!(text(&rig, BLOBS).await, "0 0 0");
        execute(
            &rig,
            "UPDATE mailbox.mailboxes SET settings = settings || '{\"attachments\": \"eager\", \
            \"attachment_max_bytes\": 299}'",
        )
        .await;
        run(&rig, objects.as_ref()).await;
        let states = "a.png stored , a2.png stored , b.png skipped too_large, c.png skipped too_large";
        assert_eq!(text(&rig, STATES).await, states);
        assert_eq!(text(&rig, BLOBS).await, "1 10 0 0");
        execute(&rig, "UPDATE mailbox.mailboxes SET settings = settings || '{\"attachment_max_bytes\": 9999999}'")
            .await;
        run(&rig, objects.as_ref()).await;
        assert_eq!(text(&rig, STATES).await, "a.png stored , a2.png stored , b.png stored , c.png stored ");
        let chunks = if in_files { 0 } else { 3 };
        assert_eq!(text(&rig, BLOBS).await, format!("3 {} {chunks} 0", 310 + (3 << 20)));
        assert_eq!(files(folder.path()), if in_files { 3 } else { 0 });
        // What another mail has, too, stays; what none has goes, from the store as well.
        bury(&rig, one).await;
        run(&rig, objects.as_ref()).await;
        assert_eq!(text(&rig, BLOBS).await, "2 310 0 0");
        assert_eq!(files(folder.path()), if in_files { 2 } else { 0 });
        bury(&rig, other).await;
        run(&rig, objects.as_ref()).await;
        assert_eq!(text(&rig, BLOBS).await, "0 0 0");
        assert_eq!(files(folder.path()), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_dies_while_keeping_leaves_nothing_that_nobody_knows_of() {
    let rig = rig(92, 0).await;
    rig.live_through(1).await;
    let folder = tempfile::tempdir().unwrap();
    let objects = Objects::open(&AttachmentStore::Files(folder.path().to_owned())).unwrap().unwrap();
    for letter in ["a", "b", "c", "d", "e", "f"] {
        deliver(&rig, &[(&format!("{letter}.png"), 5_000), ("same.png", 70)]);
    }
    look(&rig).await;
    execute(&rig, "UPDATE mailbox.mailboxes SET settings = settings || '{\"attachments\": \"eager\"}'").await;
    let stop = CancellationToken::new();
    let mut deaths = 0;
    for polls in 1.. {
        let state = state(&rig, &format!("replica {polls}"));
        let done = within(Box::pin(keep_attachments::run(&state, Some(&objects), &stop)).as_mut(), polls * 7).await;
        execute(&rig, "UPDATE mailbox.leases SET until = clock_timestamp() - interval '1 second'").await;
        match done {
            Some(Ok(())) if text(&rig, LEFT).await == "0" => break,
            // One that met a dead one's transaction does nothing, or fails; the next one goes on.
            Some(_) => {}
            None => deaths += 1,
        }
        assert!(polls < 500, "never done");
    }
    assert!(deaths > 3, "{deaths}");
    // What was written by those who died is removed once it can no longer be on its way.
    rig.ids.clock.advance(TimeDelta::hours(2));
    run(&rig, Some(&objects)).await;
    assert_eq!(text(&rig, BLOBS).await, "7 30070 0 0");
    assert_eq!(files(folder.path()), 7);
}
