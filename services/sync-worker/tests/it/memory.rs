//! What a large mail takes of a real process: stored, downloaded whole and in part.

use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::StreamExt as _;
use postrider_gmail_sim::Deliver;
use postrider_testing::eventually;
use postrider_testing::large::{self, SIZE};
use reqwest::Method;

use crate::http_world::{ANN, Account, World, token};

/// What a download may add, in KiB.
const MORE: u64 = 16 << 10;

/// The service as a process of its own.
struct Process {
    child: Child,
    base: String,
}

impl Process {
    async fn start(world: &World) -> Self {
        let port = || std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let (listen, admin) = (port(), port());
        let mut command = Command::new(env!("CARGO_BIN_EXE_postrider-sync-worker"));
        command.arg("serve").env_clear().envs(world.settings.iter().map(|(name, value)| (*name, value.as_str())));
        command.env("SYNC_WORKER_ADDR", format!("127.0.0.1:{listen}"));
        command.env("SYNC_WORKER_ADMIN_ADDR", format!("127.0.0.1:{admin}"));
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let process = Self { child, base: format!("http://127.0.0.1:{listen}") };
        eventually("the process is ready", Duration::from_secs(30), || async {
            world.http.get(format!("http://127.0.0.1:{admin}/health/ready")).send().await.ok()?.error_for_status().ok()
        })
        .await;
        process
    }

    fn own(&self) -> u64 {
        large::own_memory(self.child.id())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// Takes an answer piece by piece and compares it; the most memory that the process had of its own meanwhile.
async fn compare(world: &World, process: &Process, who: &Account, (path, range): (&str, &str), wanted: &[u8]) -> u64 {
    let url = format!("{}{path}", process.base);
    let request = world.http.request(Method::GET, url).bearer_auth(token(&who.tenant, &who.user, "read"));
    let request = if range.is_empty() { request } else { request.header("Range", range) };
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), if range.is_empty() { 200 } else { 206 }, "{path} {range}");
    assert_eq!(answer.content_length(), Some(wanted.len() as u64));
    let (mut at, mut most, mut pieces) = (0, process.own(), answer.bytes_stream());
    while let Some(piece) = pieces.next().await {
        let piece = piece.unwrap();
        assert!(wanted[at..at + piece.len()] == piece, "{path} {range} differs behind {at}");
        at += piece.len();
        most = most.max(process.own());
    }
    assert_eq!(at, wanted.len(), "{path} {range}");
    most
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_attachment_takes_a_chunk_of_memory() {
    let (world, ann) = World::with_account(0).await;
    let content = large::content();
    let raw = large::mail(&content);
    let process = Process::start(&world).await;
    // What is stored is stored by the process that is measured.
    world.stop_service();
    let before = process.own();
    world.sim.world().deliver(ANN, Deliver { raw: Some(raw.clone()), ..Deliver::default() }).unwrap();
    world.push(ANN, 0, None).await;
    let most = AtomicU64::new(before);
    eventually("the mail is stored", Duration::from_secs(180), || async {
        most.fetch_max(process.own(), Ordering::Relaxed);
        world.number("SELECT count(*) AS value FROM mailbox.email_sources").await.filter(|count| *count == 1)
    })
    .await;
    println!("storing {} MB: {} KiB more", raw.len() >> 20, most.into_inner().saturating_sub(before));
    let id = world.text("SELECT email_id::text AS value FROM mailbox.emails WHERE subject = 'a film'").await;
    let part = world.text("SELECT attachment_id::text AS value FROM mailbox.attachments").await;
    let sizes = world.text("SELECT concat_ws(' ', codec, (SELECT count(*) FROM mailbox.source_chunks)) AS value FROM mailbox.email_sources").await;
    assert_eq!(sizes, format!("2 {}", raw.len().div_ceil(1 << 20)));
    // A process that has stored nothing large.
    drop(process);
    let process = Process::start(&world).await;
    let (path, source) = (format!("/api/v1/emails/{id}/attachments/{part}"), format!("/api/v1/emails/{id}/raw"));
    // The first request makes connections and caches.
    compare(&world, &process, &ann, (&path, "bytes=0-9"), &content[..10]).await;
    let (third, last) = (SIZE / 3, SIZE - 5);
    for (what, range, wanted) in [
        (&path, String::new(), &content[..]),
        (&source, String::new(), &raw[..]),
        (&path, format!("bytes={third}-"), &content[third..]),
        (&path, format!("bytes={last}-"), &content[last..]),
        (&source, "bytes=70000000-70000099".to_owned(), &raw[70_000_000..70_000_100]),
    ] {
        let before = process.own();
        let more = compare(&world, &process, &ann, (what, &range), wanted).await.saturating_sub(before);
        println!("{} {range}: {} bytes, {more} KiB more", what.rsplit('/').nth(1).unwrap(), wanted.len());
        assert!(more <= MORE, "{what} {range} took {more} KiB more");
    }
}
