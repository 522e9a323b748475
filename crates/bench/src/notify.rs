//! (d) Notifications a second: from `email.received` on the broker to the row and to the user's socket, through the gateway.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use postrider_broker::{Broker, BrokerConfig};
use postrider_cli::socket::Socket;
use postrider_cli::stack::Member;
use postrider_contracts::mailbox::{Address, EmailReceived, EmailSummary, Label};
use postrider_contracts::{Envelope, Position, streams};
use postrider_domain::{ConnectorId, EventId, Seams, Secret, TenantId, UserId};
use postrider_e2e::World;
use postrider_runtime::Context;
use postrider_storage::{Value as Column, sql};
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::report::Report;
use crate::usage;

const PORT_BASE: u16 = 28_400;
const TENANT: &str = "bench";
/// Users, each with one account and one socket.
const USERS: u32 = 20;
/// Events handed to the broker at once.
const BATCH: usize = 500;
/// How long all of it may take.
const PATIENCE: Duration = Duration::from_secs(300);

/// Measures so many mails.
pub async fn run(report: &mut Report, mails: u32) -> Result<()> {
    let world = crate::stack::start(PORT_BASE).await;
    let users: Vec<(UserId, ConnectorId)> = (0..USERS)
        .map(|n| Ok((UserId::parse(format!("user{n}"))?, ConnectorId(Seams::system().ids.uuid()))))
        .collect::<Result<_>>()?;
    let heard = Arc::new(AtomicU32::new(0));
    let _sockets = listen(&world, &users, &heard).await?;
    let pid = world.stack.pid(Member::Notification, 0).context("the notification service runs")?;
    let url = world.stack.env_of(Member::SyncWorker)?.remove("AMQP_URL").context("the stack names the broker")?;
    let broker = Broker::start(BrokerConfig { url: Secret::new(url), service: "bench" }, &Context::for_tests());
    broker.ready().await;
    let events = events(&users, mails)?;
    let (cpu, start) = (usage::cpu(pid)?, Instant::now());
    let publisher = broker.publisher();
    let publish = async {
        for batch in events.chunks(BATCH) {
            for confirmed in publisher.publish(batch.to_vec()).await {
                confirmed.map_err(|error| anyhow::anyhow!("an event is not confirmed: {error}"))?;
            }
        }
        anyhow::Ok(())
    };
    let (published, rows, sockets) = tokio::join!(publish, rows(&world, mails, start), all(&heard, mails, start));
    published?;
    let (rows, sockets, used) = (rows?, sockets?, usage::cpu(pid)? - cpu);
    let n = f64::from(mails);
    report.add("notify", format!("email.received to row ({mails} mails, {USERS} users)"), n / rows.as_secs_f64(), "/s");
    report.add("notify", "email.received to socket, through the gateway", n / sockets.as_secs_f64(), "/s");
    report.add("notify", "notifications, for each core of the service", n / used, "/s");
    Ok(())
}

async fn listen(world: &World, users: &[(UserId, ConnectorId)], heard: &Arc<AtomicU32>) -> Result<JoinSet<()>> {
    let mut readers = JoinSet::new();
    for (user, _) in users {
        let token = world.stack.token(TENANT, user.as_str())?;
        let mut socket = Socket::connect(&world.origin(), &json!({ "token": token.expose() })).await?;
        socket.wait_for("authenticated", Duration::from_secs(10)).await?;
        socket.emit("subscribe", &json!({ "room": format!("user:{user}:notifications") })).await?;
        let heard = heard.clone();
        readers.spawn(async move {
            while let Ok(event) = socket.event().await {
                heard.fetch_add(u32::from(event.name == "notification:new_message"), Ordering::Relaxed);
            }
        });
    }
    Ok(readers)
}

/// As the sync-worker tells of new mail, in the order of each mailbox.
fn events(users: &[(UserId, ConnectorId)], mails: u32) -> Result<Vec<Envelope>> {
    let (seams, tenant) = (Seams::system(), TenantId::parse(TENANT)?);
    let of = |(n, (user, account)): (u32, &(UserId, ConnectorId))| {
        let message_id = format!("{n:016x}");
        let email = EmailSummary {
            email_id: seams.ids.uuid().to_string(),
            thread_id: message_id.clone(),
            message_id,
            from: Some(Address { name: "John Doe".to_owned(), email: "john@example.com".to_owned() }),
            subject: format!("The quarterly figures, part {n}"),
            snippet: "As discussed on Monday, here are the figures of the last quarter for you to look at.".to_owned(),
            folder: "Inbox".to_owned(),
            labels: ["INBOX", "UNREAD"].map(|id| Label { id: id.to_owned(), name: id.to_owned() }).to_vec(),
            internal_date_ms: seams.clock.now().timestamp_millis(),
            ..EmailSummary::default()
        };
        let id = EventId(seams.ids.uuid());
        let mut event = Envelope::of(id, seams.clock.now(), &EmailReceived { email: Some(email) });
        event.position = Some(Position { stream: streams::mailbox(*account), seq: i64::from(n / USERS) + 1 });
        event.owned_by(tenant.clone(), user.clone(), Some(*account))
    };
    Ok((0..mails).zip(users.iter().cycle()).map(of).collect())
}

/// How long it takes until all have their row.
async fn rows(world: &World, mails: u32, start: Instant) -> Result<Duration> {
    let admin = world.admin().await;
    loop {
        let count = sql("SELECT count(*) AS value FROM notification.notifications");
        let Column(count): Column<i64> = count.get_result(&admin).await?;
        if count >= i64::from(mails) {
            return Ok(start.elapsed());
        }
        ensure!(start.elapsed() < PATIENCE, "{count} of {mails} mails have a row");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// How long it takes until all came to their socket.
async fn all(heard: &AtomicU32, mails: u32, start: Instant) -> Result<Duration> {
    while heard.load(Ordering::Relaxed) < mails {
        let count = heard.load(Ordering::Relaxed);
        ensure!(start.elapsed() < PATIENCE, "{count} of {mails} mails came to a socket");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Ok(start.elapsed())
}
