//! The whole demo, once a stack stands: a mailbox connected, synced, and one mail on its way.

use std::time::Duration;

use anyhow::{Result, bail};
use postrider_domain::Secret;
use reqwest::Method;
use serde_json::{Value, json};

use super::{MAILBOX, USER, deliver_and_wait, sign_in};
use crate::console::{done, say};
use crate::gateway::Gateway;
use crate::progress;

/// Connects the simulated mailbox, syncs it, and shows one mail on its way. For `inside` see [`sign_in`].
///
/// # Errors
/// A step fails.
pub async fn demonstrate(origin: &str, simulator: &str, token: &Secret, inside: Option<&str>) -> Result<()> {
    let gateway = Gateway::new(origin, token.clone())?;
    say("Mailbox");
    let known = gateway.connector_of(MAILBOX).await?.is_some();
    sign_in(origin, token, MAILBOX, inside).await?;
    let Some(connector) = gateway.connector_of(MAILBOX).await? else { bail!("{MAILBOX} was not connected") };
    done(format_args!("{MAILBOX} is connected through the sign-in pages"));
    if known {
        start_over(&gateway, &connector.id).await?;
    }
    let run = progress::follow_all(&gateway, &connector.id, Duration::from_secs(30)).await?;
    let what = if known { "synced again" } else { "first sync" };
    done(format_args!("{what}: {} mails listed, {} stored, {} deleted", run.listed, run.stored, run.deleted));
    say("A mail");
    let arrived = deliver_and_wait(origin, token, USER, simulator, MAILBOX).await?;
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
