//! `postrider gmail-sync`, `gmail-sync-deleted`, `gmail-sync-full`.

use anyhow::{Context as _, Result};
use clap::Args as ClapArgs;
use reqwest::Method;
use serde_json::{Value, json};

use crate::console::{say, table};
use crate::demo::{TENANT, USER};
use crate::gateway::{Gateway, SyncRun};
use crate::progress;

/// Which mailbox, and as whom.
#[derive(Debug, Clone, ClapArgs)]
pub struct Mailbox {
    /// Address of the account; the user's only one without.
    #[arg(long)]
    user_email: Option<String>,
    /// The tenant.
    #[arg(long, default_value = TENANT)]
    tenant: String,
    /// The user.
    #[arg(long, default_value = USER)]
    user: String,
    /// The API's own answer, for programs.
    #[arg(long)]
    json: bool,
}

/// Which mailbox, and how much of it.
#[derive(Debug, Clone, ClapArgs)]
pub struct Args {
    #[command(flatten)]
    mailbox: Mailbox,
    /// List everything anew instead of what changed.
    #[arg(long)]
    full: bool,
}

/// Syncs and follows the run.
///
/// # Errors
/// The stack is not up, there is no such account, or the run failed.
pub async fn sync(args: Args) -> Result<()> {
    let gateway = gateway(&args.mailbox)?;
    start_and_follow(&gateway, &args.mailbox, args.full).await
}

/// Syncs everything, without a cap, and follows the run.
///
/// # Errors
/// As [`sync`].
pub async fn full(mailbox: Mailbox) -> Result<()> {
    let gateway = gateway(&mailbox)?;
    start_and_follow(&gateway, &mailbox, true).await
}

/// Looks for deleted mails and waits for the answer.
///
/// # Errors
/// As [`sync`].
pub async fn deleted(mailbox: Mailbox) -> Result<()> {
    let gateway = gateway(&mailbox)?;
    let answer = gateway.call(Method::POST, "/gmail/sync/deleted", &query(&mailbox), None).await?;
    let number = |member: &str| answer.get(member).and_then(Value::as_i64).unwrap_or_default();
    if let Some(run) = answer.get("sync_run_id").and_then(Value::as_str)
        && answer.get("total_processed").is_none()
    {
        // Longer than the route waits.
        return told(&progress::follow(&gateway, run).await?, mailbox.json);
    }
    if mailbox.json {
        say(serde_json::to_string_pretty(&answer)?);
        return Ok(());
    }
    let counts = ["new_emails", "deleted_emails", "gmail_emails"].map(|member| number(member).to_string());
    say(table(&["new", "deleted", "at Gmail"], [counts.to_vec()]));
    Ok(())
}

async fn start_and_follow(gateway: &Gateway, mailbox: &Mailbox, full: bool) -> Result<()> {
    let body = json!({ "force_full_sync": full });
    let answer = gateway.call(Method::POST, "/gmail/sync", &query(mailbox), Some(body)).await?;
    let run = answer.get("sync_run_id").and_then(Value::as_str).context("the gateway named no run")?;
    told(&progress::follow(gateway, run).await?, mailbox.json)
}

fn told(run: &SyncRun, json: bool) -> Result<()> {
    if json {
        say(serde_json::to_string_pretty(run)?);
    } else {
        say(table(&["kind", "state", "listed", "fetched", "stored", "deleted", "finished", "id"], [row(run)]));
    }
    Ok(())
}

fn row(run: &SyncRun) -> Vec<String> {
    let SyncRun { id, kind, state, listed, fetched, stored, deleted, finished_at, .. } = run;
    let [listed, fetched, stored, deleted] = [listed, fetched, stored, deleted].map(u64::to_string);
    let finished = finished_at.clone().unwrap_or_else(|| "-".to_owned());
    vec![kind.clone(), state.clone(), listed, fetched, stored, deleted, finished, id.clone()]
}

fn query(mailbox: &Mailbox) -> Vec<(&str, &str)> {
    mailbox.user_email.as_deref().map(|address| ("user_email", address)).into_iter().collect()
}

fn gateway(mailbox: &Mailbox) -> Result<Gateway> {
    Gateway::here(&mailbox.tenant, &mailbox.user)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_one_line_under_its_heads() {
        let run = json!({"id": "r", "connector_id": "c", "kind": "full", "state": "completed", "listed": 5, "fetched": 4,
            "stored": 3, "deleted": 1, "total_estimate": 5, "finished_at": "2026-11-01T00:00:00Z"});
        let run: SyncRun = serde_json::from_value(run).unwrap();
        assert_eq!(row(&run), ["full", "completed", "5", "4", "3", "1", "2026-11-01T00:00:00Z", "r"]);
        let again: SyncRun = serde_json::from_str(&serde_json::to_string(&run).unwrap()).unwrap();
        assert_eq!(again, run);
    }
}
