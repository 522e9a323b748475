//! `postrider health`.

use std::time::Duration;

use anyhow::{Result, bail};

use crate::console::say;
use crate::http;
use crate::local::{Checkout, stack};
use crate::stack::Lifetime;

/// Asks every member's `/health/ready` and shows the answers.
///
/// # Errors
/// At least one is not ready.
pub async fn health() -> Result<()> {
    let stack = stack(&Checkout::find(), Lifetime::UntilStopped)?;
    let client = http::client()?;
    let mut well = true;
    for member in stack.members() {
        let url = format!("{}/health/ready", stack.url(member));
        let (word, text) = match client.get(&url).timeout(Duration::from_secs(5)).send().await {
            Ok(answer) if answer.status().is_success() => ("ready", answer.text().await.unwrap_or_default()),
            Ok(answer) => ("not ready", answer.text().await.unwrap_or_default()),
            Err(_refused) => ("down", url),
        };
        well &= word == "ready";
        say(format_args!("{:<15} {word:<10} {text}", member.name()));
    }
    if well { Ok(()) } else { bail!("not everything is ready") }
}
