//! `postrider accounts`: what a user connected, and how it stands.

use anyhow::Result;
use clap::Args as ClapArgs;
use serde_json::Value;

use crate::console::{done, say, table};
use crate::demo::{TENANT, USER};
use crate::gateway::Gateway;

/// Whose accounts.
#[derive(Debug, ClapArgs)]
pub struct Args {
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

/// Shows them.
///
/// # Errors
/// The gateway does not answer, or no token can be made.
pub async fn accounts(args: Args) -> Result<()> {
    let gateway = Gateway::here(&args.tenant, &args.user)?;
    let accounts: Vec<Value> = gateway.all("/api/connectors").await?;
    if args.json {
        say(serde_json::to_string_pretty(&accounts)?);
    } else if accounts.is_empty() {
        done(format_args!("{} of {} has connected nothing", args.user, args.tenant));
    } else {
        say(table(&["address", "status", "mail comes by", "last push", "id"], accounts.iter().map(row)));
    }
    Ok(())
}

fn row(account: &Value) -> Vec<String> {
    let text = |pointer: &str| account.pointer(pointer).and_then(Value::as_str).unwrap_or("-").to_owned();
    let status = match account.get("status_reason").and_then(Value::as_str) {
        Some(reason) => format!("{} ({reason})", text("/status")),
        None => text("/status"),
    };
    let way = match (text("/watch/watch_type").as_str(), text("/watch/state")) {
        ("push", state) => format!("push ({state})"),
        _ => "polling".to_owned(),
    };
    vec![text("/email_address"), status, way, text("/last_notification_at"), text("/id")]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_account_is_one_line_with_what_is_wrong() {
        let account = json!({"id": "1", "email_address": "a@b.c", "status": "reauth_required", "watch": null,
            "status_reason": "invalid_grant", "last_notification_at": "2026-11-01T00:00:00Z"});
        let row = row(&account);
        let pushed = json!({"watch": {"watch_type": "push", "state": "lapsed"}});
        assert_eq!(super::row(&pushed)[2], "push (lapsed)");
        assert_eq!(row, ["a@b.c", "reauth_required (invalid_grant)", "polling", "2026-11-01T00:00:00Z", "1"]);
    }
}
