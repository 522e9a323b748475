//! `postrider reset`.

use std::time::Duration;

use anyhow::Result;

use crate::console::say;
use crate::local::{self, Checkout};
use crate::stack::leftovers;

/// Stops everything and deletes this checkout's local data: databases, queues, secrets, logs. Servers that the
/// environment names are not touched.
///
/// # Errors
/// The servers do not stop.
pub async fn reset() -> Result<()> {
    let checkout = Checkout::find();
    let dir = checkout.run_dir();
    leftovers::stop(&dir, Duration::from_secs(10)).await;
    local::wipe(&checkout).await?;
    for name in ["stack.env", "logs", "pids"] {
        let path = dir.join(name);
        let _was_not_there = if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
    }
    say(format_args!("{} holds no data, secrets or logs any more.", dir.display()));
    Ok(())
}
