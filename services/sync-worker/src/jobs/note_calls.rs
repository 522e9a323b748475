//! Carries the outcome of real Gmail calls to the health report.

use std::sync::Arc;
use std::time::Duration;

use postrider_gmail::GmailTransport;
use postrider_runtime::Shutdown;

use crate::http::gmail::recent::RecentCalls;

const EVERY: Duration = Duration::from_secs(5);

/// Runs until the soft stop.
pub async fn run(transport: Arc<GmailTransport>, calls: Arc<RecentCalls>, stop: Shutdown) -> anyhow::Result<()> {
    loop {
        let (good, bad) = transport.metrics().last_calls();
        if let Some(at) = good {
            calls.note(true, at);
        }
        if let Some(at) = bad {
            calls.note(false, at);
        }
        tokio::select! {
            () = stop.soft.cancelled() => return Ok(()),
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}
