//! (e) Notifications to thousands of sockets, fifty of each user: deliveries a second for each core of the serving process,
//! and its memory for each idle socket, beside Node's Socket.IO server that sends the same events to as many sockets in as
//! many rooms. Ours also writes each notification down; the other one keeps nothing. Both serve at once and are loaded in
//! turns, so that a noisy moment hits both.

mod peer;

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use futures_util::{StreamExt as _, TryStreamExt as _};
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
/// Sockets of one user: as many as one may have.
const EACH: u32 = 50;
/// What is counted. The unread count comes behind each, at both servers.
const EVENT: &str = "notification:custom";
/// Users who are told at once: enough to keep a server busy, too few to be slow for any client.
const AT_ONCE: usize = 8;
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
    async fn gather(name: &'static str, pid: u32, origin: &str, clients: &[(Value, String)]) -> Result<Self> {
        let before = usage::resident(pid)?;
        let crowd = Crowd::gather(origin, clients, EVENT).await?;
        tokio::time::sleep(SETTLE).await;
        let memory = (usage::resident(pid)? - before) / f64::from(u32::try_from(clients.len())?);
        Ok(Self { name, pid, crowd, memory, done: (0, 0.0, 0.0) })
    }

    /// One turn: so many notifications to each user, the next when all sockets have the one before.
    async fn turn(
        &mut self,
        users: &[User],
        notifications: u64,
        tell: impl AsyncFn(&User) -> Result<()>,
    ) -> Result<()> {
        let (heard, cpu, start) = (self.crowd.heard(), usage::cpu(self.pid)?, Instant::now());
        for n in 1..=notifications {
            let told = futures_util::stream::iter(users).map(|user| tell(user)).buffer_unordered(AT_ONCE);
            told.try_collect::<Vec<()>>().await?;
            self.crowd.hears(heard, n).await?;
        }
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
    let world = World::start_with(PORT_BASE, |options| {
        let unlimited = [("RATE_LIMIT_PER_MINUTE", "1000000"), ("LOG_LEVEL", "warn")];
        unlimited.into_iter().fold(options, |options, (name, value)| options.with(name, value))
    })
    .await;
    let pid = world.stack.pid(Member::Notification, 0).context("the notification service runs")?;
    let origin = format!("http://127.0.0.1:{}", world.stack.options().ports.socketio(0));
    let users: Vec<User> = (0..sockets.div_ceil(EACH)).map(|n| User::new(&world, n)).collect::<Result<_>>()?;
    // The same bytes: one of our events, and a count as ours.
    let example = User::new(&world, u32::MAX)?;
    let told = sample(&origin, &example.auth, &example.room, EVENT, example.tell()).await?;
    let events = peer::as_ours(told);
    let peer = Peer::start(PORT_BASE + 50).await?;
    let clients: Vec<_> = users.iter().flat_map(|user| std::iter::repeat_n(user.client(), EACH as usize)).collect();
    let mut ours = Side::gather("ours", pid, &origin, &clients).await?;
    let mut theirs = Side::gather("Node's socket.io", peer.pid, &peer.origin, &clients).await?;
    let each = notifications.div_ceil(TURNS.into());
    for _ in 0..TURNS {
        ours.turn(&users, each, async |user| user.tell().await).await?;
        theirs.turn(&users, each, async |user| peer.emit(&user.room, &events).await).await?;
    }
    report.add("fan-out", "sockets of each", f64::from(u32::try_from(clients.len())?), "");
    ours.report(report);
    theirs.report(report);
    report.add_with_aim("fan-out", "ratio of deliveries for each core", ours.a_core() / theirs.a_core(), "", 1.0);
    report.add_with_aim("fan-out", "ratio of memory (theirs to ours)", theirs.memory / ours.memory, "", 1.0);
    Ok(())
}

/// Somebody with sockets.
struct User {
    auth: Value,
    room: String,
    program: Client,
}

impl User {
    fn new(world: &World, n: u32) -> Result<Self> {
        let name = format!("user{n}");
        let auth = json!({ "token": world.stack.token("bench", &name)?.expose() });
        Ok(Self { auth, room: format!("user:{name}:notifications"), program: world.client("bench", &name) })
    }

    fn client(&self) -> (Value, String) {
        (self.auth.clone(), self.room.clone())
    }

    /// One notification of the user's own making.
    async fn tell(&self) -> Result<()> {
        let body = json!({ "title": "New message from John Doe", "message": "The quarterly figures, as discussed" });
        let answer = self.program.call(Method::POST, "/api/notifications", Some(body)).await;
        ensure!(answer.status == 201, "a notification is refused: {} {}", answer.status, answer.body);
        Ok(())
    }
}

fn count(n: u64) -> f64 {
    f64::from(u32::try_from(n).unwrap_or(u32::MAX))
}
