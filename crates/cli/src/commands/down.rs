//! `postrider down`.

use std::time::Duration;

use anyhow::Result;

use crate::console::{done, say};
use crate::local::{self, Checkout};
use crate::stack::leftovers;

/// Longer than a service's own soft stop usually takes.
const STOP: Duration = Duration::from_secs(35);

/// Stops the background stack and the private servers. Data stays.
///
/// # Errors
/// The servers do not stop.
pub async fn down() -> Result<()> {
    let checkout = Checkout::find();
    if !leftovers::noted(&checkout.run_dir()).is_empty() {
        say(format_args!("Stopping: requests and sockets are given up to {} s to end …", STOP.as_secs()));
    }
    let stopped = leftovers::stop(&checkout.run_dir(), STOP).await;
    for one in &stopped {
        done(format_args!("{} stopped", one.member));
    }
    if stopped.is_empty() {
        say("No stack of this checkout runs.");
    }
    local::stop(&checkout).await
}
