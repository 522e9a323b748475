//! Figures of many sockets: `cargo nextest run -p postrider-notification --run-ignored only --no-capture -E
//! 'test(scale::)'`. Server and clients share one process, in whatever build it is, so they are bounds and not a bench.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use postrider_notification::channels::socket::Settings;
use reqwest::{Method, StatusCode};
use serde_json::json;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_util::sync::CancellationToken;

use crate::client::Ws;
use crate::harness::{Replica, World};
use crate::producer::Account;
use crate::slow::stalled;

/// Of a thousand, those that go on reading.
const MEASURED: usize = 950;
const STALLED: usize = 50;
/// Until when a client that stopped reading must be gone.
const GONE: Duration = Duration::from_secs(30);
/// Most that all of them together may hold while they are not.
const MEMORY_KIB: i64 = 64 * 1024;
/// Characters of an event's message: what a socket may hold is full within seconds.
const LENGTH: usize = 5_000;
/// Between two events.
const PACE: Duration = Duration::from_millis(250);

/// When each event was asked for, and how long each client waited for it.
#[derive(Debug, Default)]
struct Times {
    asked: HashMap<String, Instant>,
    waited: Vec<Duration>,
}

type Shared = Arc<Mutex<Times>>;

async fn listen(mut socket: Ws, times: Shared) {
    while let Some(Ok(Message::Text(text))) = socket.next().await {
        let now = Instant::now();
        if text.as_str() == "2" {
            let _gone = socket.send(Message::text("3")).await;
        }
        let Some((_, rest)) = text.as_str().split_once("\"title\":\"") else { continue };
        let Some((title, _)) = rest.split_once('"') else { continue };
        let mut times = times.lock().unwrap();
        if let Some(asked) = times.asked.get(title).copied() {
            times.waited.push(now - asked);
        }
    }
}

/// Asks for events for as long as it is wanted; returns what each client that is measured waited: the middle, the 99th of a
/// hundred.
async fn phase(
    replica: &Replica,
    account: &Account,
    times: &Shared,
    name: &str,
    mut wanted: impl FnMut() -> bool,
) -> (Duration, Duration, usize) {
    let (mut count, mut tick, message) = (0, tokio::time::interval(PACE), "m".repeat(LENGTH));
    while wanted() {
        tick.tick().await;
        let title = format!("{name}{count}");
        times.lock().unwrap().asked.insert(title.clone(), Instant::now());
        let request = replica.request(account, Method::POST, "/api/notifications");
        replica.call(request.json(&json!({ "title": title, "message": message })), StatusCode::CREATED).await;
        count += 1;
    }
    let all = count * MEASURED;
    postrider_testing::eventually("all of them at all clients", Duration::from_secs(30), || async {
        (times.lock().unwrap().waited.len() >= all).then_some(())
    })
    .await;
    let mut waited = std::mem::take(&mut times.lock().unwrap().waited);
    waited.sort_unstable();
    (waited[waited.len() / 2], waited[waited.len() * 99 / 100], waited.len())
}

/// Reads what comes, until it is to stop.
async fn read_until(mut stream: TcpStream, stop: CancellationToken) -> TcpStream {
    let mut bytes = vec![0; 65_536];
    while let Some(Ok(1..)) = stop.run_until_cancelled(stream.read(&mut bytes)).await {}
    stream
}

fn resident_kib() -> i64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement of a minute and two thousand open files, to be run alone"]
async fn fifty_of_a_thousand_clients_stop_reading() {
    let world = World::new().await;
    let replica = world.replica(Settings { per_user: 2_000, ..Settings::default() }).await;
    let account = Account::new("t1", "u1");
    let times = Shared::default();
    let mut readers = tokio::task::JoinSet::new();
    for _ in 0..MEASURED {
        readers.spawn(listen(replica.subscribed_raw(&account).await, times.clone()));
    }
    let (stop, mut others) = (CancellationToken::new(), tokio::task::JoinSet::new());
    for _ in 0..STALLED {
        others.spawn(read_until(stalled(&replica, &account).await, stop.clone()));
    }
    // The first event of each socket is dearer than the next ones.
    let until = Instant::now() + Duration::from_secs(3);
    phase(&replica, &account, &times, "first", || Instant::now() < until).await;
    let until = Instant::now() + Duration::from_secs(15);
    let (middle, before, count) = phase(&replica, &account, &times, "before", || Instant::now() < until).await;
    eprintln!("all read: {count} deliveries, p50 {middle:?}, p99 {before:?}");

    let resident = resident_kib();
    let began = Instant::now();
    stop.cancel();
    let stopped = others.join_all().await;
    let (mut most, mut gone) = (resident, None);
    let (middle, during, count) = phase(&replica, &account, &times, "during", || {
        most = most.max(resident_kib());
        if replica.metric("postrider_sockets_cut_total") >= STALLED as f64 {
            gone.get_or_insert(began.elapsed());
        }
        gone.is_none() && began.elapsed() < GONE * 2
    })
    .await;
    let (gone, grown) = (gone.unwrap_or(GONE * 2), most - resident);
    eprintln!("{STALLED} stopped: {count} deliveries, p50 {middle:?}, p99 {during:?}");
    eprintln!("all {STALLED} closed after {gone:?}; {grown} KiB more at most, {} KiB each", grown / 50);
    assert!(gone <= GONE, "{gone:?}");
    assert!(grown <= MEMORY_KIB, "{grown} KiB");
    // What two runs of the same differ by.
    assert!(during <= before.mul_f64(1.25), "{before:?} became {during:?}");
    assert_eq!((stopped.len(), replica.metric("postrider_sockets")), (STALLED, MEASURED as f64));
}
