//! (c) Push to Socket.IO at 20 a second on an otherwise idle stack, with the time of each hop from the rows the mail left
//! behind on its way.

use std::collections::HashMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use postrider_cli::socket::Socket;
use postrider_e2e::{Account, World};
use postrider_storage::sql;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;

use crate::percentiles::Samples;
use crate::report::Report;

const PORT_BASE: u16 = 21_000;
/// Gmail pushes at most once a second for an account: 40 accounts give 20 mails a second with room to spare.
const ACCOUNTS: usize = 40;
const EVERY: Duration = Duration::from_millis(50);

postrider_storage::row! {
    struct Hops {
        message_id: String,
        queued: f64,
        stored: f64,
        notified: f64,
    }
}

/// Measures for the given time.
pub async fn run(report: &mut Report, seconds: u64) -> Result<()> {
    let world = crate::stack::start(PORT_BASE).await;
    let mut addresses = Vec::new();
    for n in 0..ACCOUNTS {
        let address = format!("latency{n}@example.com");
        world.sim.mailbox(&address, 1, 1).await;
        let account = Account::connect(&world, "bench", "bench", &address).await;
        account.first_sync(&world, Duration::from_secs(60)).await;
        addresses.push(address);
    }
    let mut seen = listen(&world).await?;
    // A mail for each account first: connections, statements and token leases are warm then, as in a stack that runs.
    send(&world, &addresses, addresses.len(), &mut seen).await?;
    let (sent, seen) = send(&world, &addresses, usize::try_from(seconds * 20)?, &mut seen).await?;
    let hops = hops(&world).await?;
    let mut total = Samples::default();
    let mut parts = [Samples::default(), Samples::default(), Samples::default(), Samples::default()];
    for (id, at) in &sent {
        let Some(arrived) = seen.get(id) else { continue };
        total.push(arrived - at);
        if let Some(hop) = hops.get(id) {
            let marks = [*at, hop.queued, hop.stored, hop.notified, *arrived];
            for (part, pair) in parts.iter_mut().zip(marks.windows(2)) {
                if let [from, to] = pair {
                    part.push(to - from);
                }
            }
        }
    }
    ensure!(total.len() == sent.len(), "{} of {} mails arrived", total.len(), sent.len());
    report.add("latency", format!("mails at 20/s ({seconds} s)"), f64::from(u32::try_from(total.len())?), "");
    report.add_with_aim("latency", "delivered → socket p50", total.at(50), "ms", 15.0);
    report.add_with_aim("latency", "delivered → socket p99", total.at(99), "ms", 60.0);
    let names = [
        "hop: push, intake, broker, queue row",
        "hop: lease, history, fetch, commit",
        "hop: outbox, broker, notification row",
        "hop: commit, hint, gateway, socket",
    ];
    for (name, part) in names.into_iter().zip(&parts) {
        report.add("latency", format!("{name} p50"), part.at(50), "ms");
        report.add("latency", format!("{name} p99"), part.at(99), "ms");
    }
    Ok(())
}

/// Milliseconds since the epoch, as Postgres tells them too: the same machine, the same clock.
#[expect(clippy::disallowed_methods, reason = "a bench measures real time")]
fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64() * 1_000.0
}

type Arrivals = mpsc::UnboundedReceiver<(String, f64)>;

async fn listen(world: &World) -> Result<Arrivals> {
    let token = world.stack.token("bench", "bench")?;
    let mut socket = Socket::connect(&world.origin(), &json!({"token": token.expose()})).await?;
    // A subscription before it is refused.
    socket.wait_for("authenticated", Duration::from_secs(10)).await?;
    socket.emit("subscribe", &json!({"room": "user:bench:notifications"})).await?;
    let (arrived, arrivals) = mpsc::unbounded_channel();
    tokio::runtime::Handle::current().spawn(async move {
        while let Ok(event) = socket.event().await {
            if event.name == "notification:new_message" {
                let id = event.data.get("messageId").and_then(Value::as_str).unwrap_or_default().to_owned();
                if arrived.send((id, now())).is_err() {
                    break;
                }
            }
        }
    });
    Ok(arrivals)
}

type Times = HashMap<String, f64>;

async fn send(world: &World, addresses: &[String], wanted: usize, seen: &mut Arrivals) -> Result<(Times, Times)> {
    let mut tick = tokio::time::interval(EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut sent = Times::new();
    for address in addresses.iter().cycle().take(wanted) {
        tick.tick().await;
        let at = now();
        for id in world.sim.deliver(address, 1).await {
            sent.insert(id, at);
        }
    }
    let mut arrived = Times::new();
    while arrived.len() < sent.len() {
        let next = tokio::time::timeout(Duration::from_secs(10), seen.recv()).await;
        let (id, at) = next
            .ok()
            .flatten()
            .with_context(|| format!("mails stopped arriving: {} of {} came", arrived.len(), sent.len()))?;
        arrived.entry(id).or_insert(at);
    }
    Ok((sent, arrived))
}

/// When each mail's push was queued, its row committed and its notification written, in milliseconds.
async fn hops(world: &World) -> Result<HashMap<String, Hops>> {
    let admin = world.admin().await;
    let rows = sql("SELECT e.message_id, \
            (extract(epoch FROM (SELECT min(q.created_at) FROM mailbox.notification_queue q \
               WHERE q.connector_id = e.connector_id AND q.history_id >= e.history_id)) * 1000)::float8 AS queued, \
            (extract(epoch FROM e.created_at) * 1000)::float8 AS stored, \
            (extract(epoch FROM n.created_at) * 1000)::float8 AS notified \
         FROM mailbox.emails e JOIN notification.notifications n \
            ON n.account_id = e.connector_id AND n.message_id = e.message_id AND n.type = 'new_message' \
         WHERE EXISTS (SELECT 1 FROM mailbox.notification_queue q \
            WHERE q.connector_id = e.connector_id AND q.history_id >= e.history_id)")
    .load::<Hops>(&admin)
    .await?;
    Ok(rows.into_iter().map(|row| (row.message_id.clone(), row)).collect())
}
