//! An attachment of 50 MB through the whole of it: byte for byte, in parts, and nowhere held in memory.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::StreamExt as _;
use postrider_cli::stack::Member;
use postrider_e2e::{Account, World};
use postrider_testing::large::{self, SIZE, own_memory};
use reqwest::Method;
use reqwest::header::{CONTENT_RANGE, RANGE};
use serde_json::json;

const LONG: Duration = Duration::from_secs(120);
/// What a download may add to any process, in KiB.
const MORE: u64 = 16 << 10;

/// What each service holds.
fn held(world: &World) -> Vec<(Member, u64)> {
    Member::SERVICES.iter().map(|member| (*member, own_memory(world.stack.pid(*member, 0).unwrap()))).collect()
}

/// Downloads and compares; what each service held more at most, in KiB.
async fn compare(world: &World, who: &Account, path: &str, range: Option<(usize, usize)>, whole: &[u8]) -> u64 {
    let before = held(world);
    let mut request = who.client.request(Method::GET, path);
    if let Some((first, last)) = range {
        request = request.header(RANGE, format!("bytes={first}-{last}"));
    }
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), if range.is_some() { 206 } else { 200 });
    let (first, last) = range.unwrap_or((0, whole.len() - 1));
    let told = answer.headers().get(CONTENT_RANGE).map(|value| value.to_str().unwrap().to_owned());
    assert_eq!(told, range.map(|_| format!("bytes {first}-{last}/{}", whole.len())));
    let (wanted, mut at, mut looked, mut more) = (&whole[first..=last], 0, 0, 0);
    let mut pieces = answer.bytes_stream();
    while let Some(piece) = pieces.next().await {
        let piece = piece.unwrap();
        assert!(wanted[at..at + piece.len()] == piece, "{range:?} differs behind {at}");
        at += piece.len();
        if at == wanted.len() || at - looked > 1 << 18 {
            looked = at;
            let grown = held(world).into_iter().zip(&before).map(|((_, now), (_, before))| now.saturating_sub(*before));
            more = grown.fold(more, u64::max);
        }
    }
    assert_eq!(at, wanted.len());
    println!("{} bytes: {more} KiB more", wanted.len());
    more
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attachment_of_50_mb_passes_the_gateway_and_is_nowhere_held() {
    let mut world = World::start().await;
    let (address, content) = ("film@example.com", large::content());
    world.sim.mailbox(address, 0, 7).await;
    let raw = STANDARD.encode(large::mail(&content));
    world.sim.post("/deliver", json!({"account": address, "raw": raw})).await;
    let account = Account::connect(&world, "acme", "fay", address).await;
    account.first_sync(&world, LONG).await;
    // Those that fetched and stored it hold what they needed for that.
    for member in [Member::SyncWorker, Member::Gateway] {
        world.stack.kill9(member, 0).await.unwrap();
        world.restart(member).await;
    }
    let list = account.client.get("/api/v1/emails").await;
    let mail = account.client.get(&format!("/api/v1/emails/{}", list["data"][0]["id"].as_str().unwrap())).await;
    let part = &mail["attachments"][0];
    assert_eq!((&part["filename"], &part["size_bytes"]), (&json!("film.mp4"), &json!(SIZE)), "{mail}");
    let path = format!("/api/v1/emails/{}/attachments/{}", mail["id"].as_str().unwrap(), part["id"].as_str().unwrap());
    // The first one makes connections and caches.
    compare(&world, &account, &path, Some((0, 9)), &content).await;
    for range in [None, Some((SIZE / 3, SIZE - 1)), Some((SIZE - 5, SIZE - 1))] {
        let more = compare(&world, &account, &path, range, &content).await;
        assert!(more <= MORE, "{range:?}: a service held {more} KiB more");
    }
}
