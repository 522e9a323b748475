//! The demo's mailbox at the simulated Google.

use anyhow::{Result, bail};
use serde_json::{Value, json};

use super::MAILBOX;
use crate::http;

/// Mails it starts with.
const SIZE: u32 = 500;
/// Google's id of the account: the same at every start, so that connecting again finds the same account.
const SUB: &str = "112233445566778899001";

/// Makes the mailbox unless the simulator has one of that address already.
///
/// # Errors
/// The simulator does not answer, or refuses.
pub async fn make_mailbox(sim: &str) -> Result<()> {
    let client = http::client()?;
    let url = format!("{sim}/_sim/mailboxes");
    let there: Vec<Value> = client.get(&url).send().await?.json().await?;
    if there.iter().any(|one| one.get("address").and_then(Value::as_str) == Some(MAILBOX)) {
        return Ok(());
    }
    let made = client.post(&url).json(&json!({"address": MAILBOX, "size": SIZE, "sub": SUB})).send().await?;
    if !made.status().is_success() {
        bail!("the simulator did not make {MAILBOX}: {}", made.text().await.unwrap_or_default());
    }
    Ok(())
}
