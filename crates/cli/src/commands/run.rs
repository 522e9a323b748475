//! `postrider run`: from nothing to a mail arriving, and then on until Ctrl-C.

use std::time::Duration;

use anyhow::{Result, bail};
use reqwest::Method;
use serde_json::{Value, json};

use super::started::{invite, start};
use crate::console::{done, say};
use crate::demo::{MAILBOX, TENANT, USER, deliver_and_wait, sign_in};
use crate::gateway::Gateway;
use crate::local::{self, Checkout};
use crate::progress;
use crate::stack::{Lifetime, Member, Stack, leftovers};

/// How long processes may take to stop.
const STOP: Duration = Duration::from_secs(15);

/// Runs the demo. Whatever happens, nothing that it started is left running.
///
/// # Errors
/// A step failed; everything was stopped.
pub async fn run() -> Result<()> {
    let checkout = Checkout::find();
    let stopped = leftovers::stop(&checkout.run_dir(), STOP).await;
    if !stopped.is_empty() {
        say(format_args!("Stopped {} processes of an earlier run", stopped.len()));
    }
    let mut running: Option<Stack> = None;
    let shown = tokio::select! {
        shown = show(&checkout, &mut running) => shown,
        () = interrupted() => Ok(()),
    };
    say("\nStopping …");
    if let Some(stack) = &mut running {
        stack.stop_all(STOP).await;
    }
    // Processes that were started when the interrupt came in the middle of a step.
    drop(running);
    leftovers::stop(&checkout.run_dir(), STOP).await;
    local::stop_ours(&checkout).await?;
    shown
}

async fn show(checkout: &Checkout, running: &mut Option<Stack>) -> Result<()> {
    let stack = running.insert(start(checkout, Lifetime::WithStack).await?);
    if stack.options().simulator {
        demonstrate(stack).await?;
    }
    invite(stack)?;
    say("\nIt runs. Ctrl-C stops everything.");
    watch(stack).await
}

/// Connects the simulated mailbox, syncs it, and shows one mail on its way.
async fn demonstrate(stack: &Stack) -> Result<()> {
    let origin = stack.url(Member::Gateway);
    let token = stack.token(TENANT, USER)?;
    let gateway = Gateway::new(origin.clone(), token.clone())?;
    say("Mailbox");
    let known = gateway.connector_of(MAILBOX).await?.is_some();
    sign_in(&origin, &token, MAILBOX).await?;
    let Some(connector) = gateway.connector_of(MAILBOX).await? else { bail!("{MAILBOX} was not connected") };
    done(format_args!("{MAILBOX} is connected through the sign-in pages"));
    if known {
        start_over(&gateway, &connector.id).await?;
    }
    let run = progress::follow_all(&gateway, &connector.id, Duration::from_secs(30)).await?;
    let what = if known { "synced again" } else { "first sync" };
    done(format_args!("{what}: {} mails listed, {} stored, {} deleted", run.listed, run.stored, run.deleted));
    say("A mail");
    let arrived = deliver_and_wait(&origin, &token, USER, &stack.url(Member::GmailSim), MAILBOX).await?;
    let text = |member: &str| arrived.notification.get(member).and_then(Value::as_str).unwrap_or("?").to_owned();
    let latency = millis(arrived.latency);
    match arrived.since_visible.map(millis) {
        Some(since) => done(format_args!(
            "delivered at the simulated Gmail, {latency:.0} ms later at the Socket.IO client, {since:.0} ms after Gmail \
             showed it:"
        )),
        None => done(format_args!("delivered at the simulated Gmail, {latency:.0} ms later at the Socket.IO client:")),
    }
    say(format_args!("      notification:new_message  {}  from {}", text("subject"), text("sender")));
    Ok(())
}

/// The simulated Google keeps nothing when it stops. For an account of an earlier run its watch is therefore asked for
/// again, and the mailbox, whose history has started over, is listed anew before a mail is delivered.
async fn start_over(gateway: &Gateway, connector: &str) -> Result<()> {
    let watch = json!({ "connector_id": connector });
    gateway.call(Method::POST, "/api/v1/gmail/watch/start", &[], Some(watch)).await?;
    let query = [("connector_id", connector)];
    let all = json!({ "force_full_sync": true });
    let asked = gateway.call(Method::POST, "/gmail/sync", &query, Some(all)).await?;
    if let Some(run) = asked.get("sync_run_id").and_then(Value::as_str) {
        progress::follow(gateway, run).await?;
    }
    Ok(())
}

fn millis(latency: Duration) -> f64 {
    latency.as_secs_f64() * 1_000.0
}

/// Waits until a process ends by itself: then something is wrong.
async fn watch(stack: &mut Stack) -> Result<()> {
    loop {
        if let Some(member) = stack.ended() {
            bail!("{member} ended: see {}", stack.options().log_file(member, 0).display());
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// Ctrl-C or SIGTERM.
async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut term), Ok(mut int), Ok(mut hup)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()), signal(SignalKind::hangup()))
    else {
        return std::future::pending().await;
    };
    tokio::select! { _ = term.recv() => {} _ = int.recv() => {} _ = hup.recv() => {} }
}
