//! `postrider gmail-sync`, `gmail-sync-deleted`, `gmail-sync-full`.

use anyhow::{Context as _, Result};
use clap::Args as ClapArgs;
use reqwest::Method;
use serde_json::{Value, json};

use crate::console::{done, say};
use crate::demo::{TENANT, USER};
use crate::gateway::Gateway;
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
        return told(progress::follow(&gateway, run).await?.stored);
    }
    say(format_args!(
        "new {}, deleted {}, at Gmail {}",
        number("new_emails"),
        number("deleted_emails"),
        number("gmail_emails")
    ));
    Ok(())
}

async fn start_and_follow(gateway: &Gateway, mailbox: &Mailbox, full: bool) -> Result<()> {
    let body = json!({ "force_full_sync": full });
    let answer = gateway.call(Method::POST, "/gmail/sync", &query(mailbox), Some(body)).await?;
    let run = answer.get("sync_run_id").and_then(Value::as_str).context("the gateway named no run")?;
    told(progress::follow(gateway, run).await?.stored)
}

fn told(stored: u64) -> Result<()> {
    done(format_args!("done, {stored} mails stored"));
    Ok(())
}

fn query(mailbox: &Mailbox) -> Vec<(&str, &str)> {
    mailbox.user_email.as_deref().map(|address| ("user_email", address)).into_iter().collect()
}

fn gateway(mailbox: &Mailbox) -> Result<Gateway> {
    Gateway::here(&mailbox.tenant, &mailbox.user)
}
