//! (e) One user's notifications to thousands of sockets: deliveries a second for each core of the serving process, and its
//! memory for each idle socket, beside Node's Socket.IO server that sends the same events to as many sockets. Both serve at
//! once and are loaded in turns, so that a noisy moment hits both.

mod peer;

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use postrider_cli::stack::Member;
use postrider_e2e::World;
use postrider_e2e::client::Client;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::crowd::{Crowd, sample};
use crate::report::Report;
use crate::usage;
use peer::Peer;

const PORT_BASE: u16 = 30_000;
const USER: &str = "bench";
const ROOM: &str = "user:bench:notifications";
/// What is counted. The unread count comes behind each, at both servers.
const EVENT: &str = "notification:custom";
/// Notifications that may be under way: enough to keep a server busy, too few to be slow for any client.
const AHEAD: u64 = 4;
/// Turns of each.
const TURNS: u32 = 4;
/// How long sockets idle before memory is looked at.
const SETTLE: Duration = Duration::from_secs(5);

/// One of the two servers: where it is, and what it has done.
struct Side {
    name: &'static str,
    pid: u32,
    crowd: Crowd,
    /// KiB for each socket.
    memory: f64,
    /// Deliveries, processor seconds, seconds.
    done: (u64, f64, f64),
}

impl Side {
    /// Connects its sockets and weighs them.
    async fn gather(name: &'static str, pid: u32, (origin, auth): (&str, &Value), sockets: u32) -> Result<Self> {
        let before = usage::resident(pid)?;
        let crowd = Crowd::gather(origin, auth, ROOM, (sockets, EVENT)).await?;
        tokio::time::sleep(SETTLE).await;
        let memory = (usage::resident(pid)? - before) / f64::from(sockets);
        Ok(Self { name, pid, crowd, memory, done: (0, 0.0, 0.0) })
    }

    /// One turn: so many notifications to all of them, no more than a few ahead of the slowest.
    async fn turn(&mut self, notifications: u64, emit: impl AsyncFn() -> Result<()>) -> Result<()> {
        let (heard, cpu, start) = (self.crowd.heard(), usage::cpu(self.pid)?, Instant::now());
        for n in 0..notifications {
            self.crowd.hears(heard, n.saturating_sub(AHEAD)).await?;
            emit().await?;
        }
        self.crowd.hears(heard, notifications).await?;
        let (deliveries, used, took) = &mut self.done;
        *deliveries += self.crowd.heard() - heard;
        *used += usage::cpu(self.pid)? - cpu;
        *took += start.elapsed().as_secs_f64();
        Ok(())
    }

    fn a_core(&self) -> f64 {
        count(self.done.0) / self.done.1
    }

    fn report(&self, report: &mut Report) {
        let Self { name, .. } = self;
        report.add("fan-out", format!("{name}: deliveries, for each core"), self.a_core(), "/s");
        report.add(
            "fan-out",
            format!("{name}: deliveries, clients on the same machine"),
            count(self.done.0) / self.done.2,
            "/s",
        );
        report.add("fan-out", format!("{name}: memory for each idle socket"), self.memory, "KiB");
    }
}

/// Measures `notifications` to `sockets` clients of each server.
pub async fn run(report: &mut Report, sockets: u32, notifications: u64) -> Result<()> {
    let many = (u64::from(sockets) + 100).to_string();
    let world = World::start_with(PORT_BASE, |options| {
        let unlimited = [("RATE_LIMIT_PER_MINUTE", "1000000"), ("LOG_LEVEL", "warn")];
        let options = options.with("SOCKETIO_SOCKETS_PER_USER", many);
        unlimited.into_iter().fold(options, |options, (name, value)| options.with(name, value))
    })
    .await;
    let pid = world.stack.pid(Member::Notification, 0).context("the notification service runs")?;
    let origin = format!("http://127.0.0.1:{}", world.stack.options().ports.socketio(0));
    let auth = json!({ "token": world.stack.token("bench", USER)?.expose() });
    let client = world.client("bench", USER);
    let told = sample(&origin, &auth, ROOM, EVENT, notify(&client)).await?;
    let peer = Peer::start(PORT_BASE + 50).await?;
    let mut ours = Side::gather("ours", pid, (&origin, &auth), sockets).await?;
    let mut theirs = Side::gather("Node's socket.io", peer.pid, (&peer.origin, &json!({})), sockets).await?;
    // The same bytes: one of our events, and a count as ours.
    let events = peer::as_ours(told);
    for side in [&mut ours, &mut theirs] {
        let before = side.crowd.heard();
        match side.name {
            "ours" => notify(&client).await?,
            _ => peer.emit(&events).await?,
        }
        side.crowd.hears(before, 1).await?;
    }
    let each = notifications.div_ceil(TURNS.into());
    for _ in 0..TURNS {
        ours.turn(each, async || notify(&client).await).await?;
        theirs.turn(each, async || peer.emit(&events).await).await?;
    }
    report.add("fan-out", "sockets of each", f64::from(sockets), "");
    ours.report(report);
    theirs.report(report);
    report.add_with_aim("fan-out", "ratio of deliveries for each core", ours.a_core() / theirs.a_core(), "", 1.0);
    report.add_with_aim("fan-out", "ratio of memory (theirs to ours)", theirs.memory / ours.memory, "", 1.0);
    Ok(())
}

/// One notification of the user's own making.
async fn notify(client: &Client) -> Result<()> {
    let body =
        json!({ "title": "New message from John Doe", "message": "The quarterly figures, as discussed on Monday" });
    let answer = client.call(Method::POST, "/api/notifications", Some(body)).await;
    ensure!(answer.status == 201, "a notification is refused: {} {}", answer.status, answer.body);
    Ok(())
}

fn count(n: u64) -> f64 {
    f64::from(u32::try_from(n).unwrap_or(u32::MAX))
}
