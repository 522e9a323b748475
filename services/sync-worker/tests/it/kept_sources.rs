//! Large sources in an object store: moved there once for each content, read from there as from here, and gone with the last
//! mail that has them.

use std::path::Path;

use chrono::TimeDelta;
use futures_util::TryStreamExt as _;
use postrider_blobs::{AttachmentStore, Objects};
use postrider_domain::{Clock as _, EmailId, RunId};
use postrider_gmail_sim::{Deliver, MsgId};
use postrider_mail::Slice;
use postrider_storage::{Statement, Value};
use postrider_sync_worker::content::source::Source;
use postrider_sync_worker::http::sources::Sources;
use postrider_sync_worker::jobs::{erase, keep_attachments, keep_sources, retain};
use postrider_sync_worker::kept::{Held, KeptError, Stored, Vault};
use postrider_sync_worker::metrics::Metrics;
use postrider_sync_worker::state::State;
use postrider_sync_worker::store::attachments;
use postrider_sync_worker::store::erasures;
use postrider_sync_worker::store::mailboxes::Guard;
use postrider_sync_worker::store::sources;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::harness::within;
use crate::rig::{Rig, rig};

/// A mailbox beside a store of files.
struct Stand {
    rig: Rig,
    folder: TempDir,
    store: Objects,
}

impl Stand {
    async fn new(seed: u64) -> Self {
        let rig = rig(seed, 0).await;
        rig.live_through(1).await;
        let folder = tempfile::tempdir().unwrap();
        let store = Objects::open(&AttachmentStore::Files(folder.path().to_owned())).unwrap().unwrap();
        Self { rig, folder, store }
    }

    fn state(&self, replica: &str) -> State {
        let (db, seams, engine) = (self.rig.test.replica(), self.rig.ids.seams.clone(), self.rig.engine.clone());
        State { db, seams, engine, metrics: Metrics::new(&prometheus::Registry::new()), replica: replica.to_owned() }
    }

    fn vault(&self) -> Vault {
        Vault::new(self.rig.test.db.clone(), Some(self.store.clone()))
    }

    /// Delivers a mail and mirrors it.
    async fn mail(&self, raw: &[u8]) -> (MsgId, EmailId) {
        let mail = Deliver { raw: Some(raw.to_vec()), ..Deliver::default() };
        let id = self.rig.world.deliver(&self.rig.ids.address, mail).unwrap();
        self.look().await;
        let text = format!("SELECT email_id AS value FROM mailbox.emails WHERE message_id = '{id}'");
        (id, Statement::dynamic(text).get_result::<Value<EmailId>>(&self.rig.test.admin().await).await.unwrap().0)
    }

    async fn look(&self) {
        self.rig.push(self.rig.head()).await;
        self.rig.work().await;
    }

    async fn bury(&self, mail: MsgId) {
        self.rig.world.delete(&self.rig.ids.address, mail).unwrap();
        self.look().await;
        self.rig.ids.clock.advance(TimeDelta::days(2));
        retain::run(&self.state("one"), TimeDelta::days(1), &CancellationToken::new()).await.unwrap();
    }

    /// Sources are moved, and what nothing names is removed.
    async fn tidy(&self) {
        keep_sources::run(&self.state("one"), &self.store, &CancellationToken::new()).await.unwrap();
        keep_attachments::run(&self.state("one"), Some(&self.store), &CancellationToken::new()).await.unwrap();
    }

    async fn text(&self, text: &str) -> String {
        let row = Statement::dynamic(text.to_owned()).get_result::<Value<String>>(&self.rig.test.admin().await).await;
        row.unwrap().0
    }

    /// Sources that are blobs, chunks of others, blobs, objects that are to go, and files in the store.
    async fn counts(&self) -> (String, usize) {
        let counts = "SELECT concat_ws(' ', (SELECT count(*) FROM mailbox.email_sources WHERE codec = 3), \
            (SELECT count(*) FROM mailbox.source_chunks), (SELECT count(*) FROM mailbox.blobs), \
            (SELECT count(*) FROM mailbox.doomed_objects)) AS value";
        (self.text(counts).await, files(self.folder.path()))
    }

    async fn held(&self, email: EmailId) -> Held {
        self.vault().source(&self.rig.ids.tenant, email).await.unwrap().unwrap()
    }
}

fn files(folder: &Path) -> usize {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    entries.map(|entry| entry.unwrap().path()).map(|path| if path.is_dir() { files(&path) } else { 1 }).sum()
}

/// A mail of so many bytes of one kind, with a file of as many of them in it.
fn large(letter: char, size: usize) -> Vec<u8> {
    let mut raw = format!(
        "From: z@example.org\r\nSubject: large {letter}\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\nhi\r\n\
         --x\r\nContent-Type: image/png; name={letter}.png\r\nContent-Disposition: attachment\r\n\r\n"
    )
    .into_bytes();
    let begin = u32::from(letter);
    raw.extend((0..size).map(|at| b'a' + u8::try_from((u32::try_from(at / 1_000).unwrap() + begin) % 26).unwrap()));
    raw.extend_from_slice(b"\r\n--x--\r\n");
    raw
}

async fn all_of(stored: Stored, wanted: std::ops::Range<u64>) -> Vec<u8> {
    let pieces: Vec<_> = stored.pieces(wanted).try_collect().await.unwrap();
    pieces.concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn equal_sources_lie_in_the_store_once_and_as_long_as_a_mail_has_them() {
    let stand = Stand::new(111).await;
    let (raw, small) = (large('a', 3 << 20), b"Subject: small\r\n\r\nhi".to_vec());
    let (one, first) = stand.mail(&raw).await;
    let (other, second) = stand.mail(&raw).await;
    let (third, last) = stand.mail(&large('b', 2 << 20)).await;
    let (_, little) = stand.mail(&small).await;
    assert_eq!(stand.counts().await, ("0 11 0 0".to_owned(), 0));
    stand.tidy().await;
    assert_eq!(stand.counts().await, ("3 0 2 0".to_owned(), 2));
    for (email, wanted) in [(first, &raw), (second, &raw), (last, &large('b', 2 << 20)), (little, &small)] {
        assert!(stand.held(email).await.whole().await.unwrap() == *wanted, "another mail's bytes");
    }
    let Held::There(stored) = stand.held(first).await else { panic!("it is not in the store") };
    assert_eq!(all_of(*stored, 1_500_000..1_500_100).await, &raw[1_500_000..1_500_100]);
    // Once more changes nothing, and a source that Gmail gives again leaves nothing behind.
    stand.tidy().await;
    let guard = Guard {
        tenant: stand.rig.ids.tenant.clone(),
        connector: stand.rig.ids.connector,
        epoch: 0,
        generation: 1,
        version: 1,
    };
    let tx = stand.rig.test.db.tenant(&guard.tenant).await.unwrap();
    sources::insert(&tx, &guard, &[(first, &Source::pack(&raw))]).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(stand.counts().await, ("3 0 2 0".to_owned(), 2));
    stand.bury(one).await;
    stand.tidy().await;
    assert_eq!(stand.counts().await, ("2 0 2 0".to_owned(), 2));
    stand.bury(other).await;
    stand.tidy().await;
    assert_eq!(stand.counts().await, ("1 0 1 0".to_owned(), 1));
    // The account is erased.
    let run = RunId(stand.rig.ids.seams.ids.uuid());
    let tx = stand.rig.test.db.tenant(&guard.tenant).await.unwrap();
    erasures::ask(&tx, &guard.tenant, guard.connector, run, stand.rig.ids.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    erase::run(&stand.state("one"), &CancellationToken::new()).await.unwrap();
    stand.tidy().await;
    assert_eq!(stand.counts().await, ("0 0 0 0".to_owned(), 0));
    assert!(stand.vault().source(&guard.tenant, last).await.unwrap().is_none(), "{third} is still there");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attachment_of_a_mail_in_the_store_is_the_file_that_was_kept_or_cut() {
    let stand = Stand::new(112).await;
    let raw = large('c', 2 << 20);
    let (_, email) = stand.mail(&raw).await;
    stand.tidy().await;
    let begin = raw.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap();
    let body = raw.windows(4).enumerate().filter(|(_, bytes)| bytes == b"\r\n\r\n").nth(2).unwrap().0 + 4;
    assert!(body > begin);
    let file = &raw[body..body + (2 << 20)];
    let tx = stand.rig.test.db.tenant(&stand.rig.ids.tenant).await.unwrap();
    let listed = attachments::list(&tx, email).await.unwrap().remove(0);
    let part = attachments::find(&tx, &[stand.rig.ids.connector], email, listed.attachment_id).await.unwrap().unwrap();
    tx.commit().await.unwrap();
    let slice: Slice = part.slice().unwrap();
    let (tenant, of_mail) = (&stand.rig.ids.tenant, (email, part.source_bytes));
    let sources = Sources::new(stand.vault());
    for range in [0..file.len(), 1_000_000..1_000_007, file.len() - 1..file.len()] {
        for place in [Some((slice, file.len() as u64)), None] {
            let of_part = (listed.attachment_id, part.part_id.clone());
            let found = sources.part(tenant, of_mail, of_part, place).await.unwrap().unwrap();
            assert_eq!(found.size(), file.len());
            let pieces: Vec<_> = found.pieces(range.clone()).try_collect().await.unwrap();
            assert!(pieces.concat() == file[range.clone()], "{range:?} of another file");
        }
    }
    // An account that keeps its attachments has them of a mail in the store, too.
    let settings = "UPDATE mailbox.mailboxes SET settings = settings || '{\"attachments\": \"eager\"}'".to_owned();
    Statement::dynamic(settings).execute(&stand.rig.test.admin().await).await.unwrap();
    stand.tidy().await;
    assert_eq!(stand.text("SELECT state AS value FROM mailbox.attachments").await, "stored");
    assert_eq!(stand.counts().await, ("1 0 2 0".to_owned(), 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_reads_a_source_while_it_is_moved_reads_all_of_it() {
    let stand = Stand::new(113).await;
    let raw = large('d', 3 << 20);
    let (_, email) = stand.mail(&raw).await;
    let Held::There(stored) = stand.held(email).await else { panic!("it is not in chunks") };
    let mut pieces = stored.pieces(7..raw.len() as u64);
    let mut read = pieces.try_next().await.unwrap().unwrap().to_vec();
    stand.tidy().await;
    assert_eq!(stand.counts().await.0, "1 0 1 0");
    while let Some(piece) = pieces.try_next().await.unwrap() {
        read.extend_from_slice(&piece);
    }
    assert!(read == raw[7..], "{} of {} bytes, or others", read.len(), raw.len() - 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_away_loses_nothing_and_one_that_is_not_set_is_named() {
    let stand = Stand::new(114).await;
    let raw = large('e', 2 << 20);
    let (_, email) = stand.mail(&raw).await;
    // Nothing can be written there.
    let folder = tempfile::tempdir().unwrap();
    let away = Objects::open(&AttachmentStore::Files(folder.path().join("store"))).unwrap().unwrap();
    std::fs::remove_dir(folder.path().join("store")).unwrap();
    std::fs::write(folder.path().join("store"), "a file, no folder").unwrap();
    let failed = keep_sources::run(&stand.state("one"), &away, &CancellationToken::new()).await;
    assert!(failed.is_err());
    assert!(stand.held(email).await.whole().await.unwrap() == raw, "it is lost");
    // What it was at is forgotten in time.
    stand.rig.ids.clock.advance(TimeDelta::hours(2));
    stand.tidy().await;
    assert_eq!(stand.counts().await, ("1 0 1 0".to_owned(), 1));
    let without = Vault::new(stand.rig.test.db.clone(), None);
    let refused = without.source(&stand.rig.ids.tenant, email).await.err();
    assert!(matches!(refused, Some(KeptError::NoStore)), "{refused:?}");
    // An object that is gone is a loss, not a hiccup.
    std::fs::remove_dir_all(stand.folder.path()).unwrap();
    std::fs::create_dir(stand.folder.path()).unwrap();
    let lost = stand.held(email).await.whole().await.unwrap_err();
    assert!(lost.is_loss(), "{lost}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_dies_while_moving_leaves_nothing_that_nobody_knows_of() {
    let stand = Stand::new(115).await;
    for letter in ['f', 'g', 'h', 'f'] {
        stand.mail(&large(letter, 1_200_000)).await;
    }
    let (stop, mut deaths) = (CancellationToken::new(), 0);
    for polls in 1.. {
        let state = stand.state(&format!("replica {polls}"));
        let done = within(Box::pin(keep_sources::run(&state, &stand.store, &stop)).as_mut(), polls * 7).await;
        let expire = "UPDATE mailbox.leases SET until = clock_timestamp() - interval '1 second'".to_owned();
        Statement::dynamic(expire).execute(&stand.rig.test.admin().await).await.unwrap();
        match done {
            Some(Ok(())) if stand.counts().await.0.starts_with("4 0 3 ") => break,
            // One that met a dead one's transaction does nothing, or fails; the next one goes on.
            Some(_) => {}
            None => deaths += 1,
        }
        assert!(polls < 500, "never done");
    }
    assert!(deaths > 3, "{deaths}");
    // What was written by those who died is removed once it can no longer be on its way.
    stand.rig.ids.clock.advance(TimeDelta::hours(2));
    stand.tidy().await;
    assert_eq!(stand.counts().await, ("4 0 3 0".to_owned(), 3));
}
