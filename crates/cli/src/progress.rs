//! A progress bar for a sync run.

use std::time::Duration;

use anyhow::{Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use postrider_domain::{RunKind, RunState};
use tokio::time::Instant;

use crate::gateway::{Gateway, SyncRun, passes};

/// How often the run is asked for.
const EVERY: Duration = Duration::from_millis(250);
/// How long the gateway may be away while a run is followed: the run goes on meanwhile.
const AWAY: Duration = Duration::from_secs(60);

/// Follows a run to its end, with a bar where there is a terminal.
///
/// # Errors
/// The run failed, or the gateway does not answer.
pub async fn follow(gateway: &Gateway, run: &str) -> Result<SyncRun> {
    let bar = bar();
    loop {
        let run = patiently(|| gateway.sync_run(run)).await?;
        show(&bar, &run);
        if ended(&run) {
            bar.finish_and_clear();
            return result(run);
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// Follows the runs of an account until none is at work: one may take the place of another. Waits for the first one,
/// which may not have been made yet; answers the last one that ended.
///
/// # Errors
/// There is none within `within`, one failed, or the gateway does not answer.
pub async fn follow_all(gateway: &Gateway, connector: &str, within: Duration) -> Result<SyncRun> {
    let deadline = Instant::now() + within;
    let mut last = None;
    loop {
        let runs = patiently(|| gateway.sync_runs(connector)).await?;
        // Incremental ones come and go as long as mail does.
        match runs.iter().find(|run| !ended(run) && run.kind != RunKind::Incremental.as_str()) {
            Some(run) => {
                last = Some(follow(gateway, &run.id).await?);
                continue;
            }
            // Newest first: with nothing at work, the newest full one is what the caller waits for.
            None => last = last.or_else(|| runs.into_iter().find(|run| run.kind != RunKind::Incremental.as_str())),
        }
        if let Some(run) = last {
            return Ok(run);
        }
        if Instant::now() >= deadline {
            bail!("no sync began within {} s: see the log of sync-worker", within.as_secs());
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// Asks again while the gateway is away for a moment, restarted for example.
async fn patiently<T, F: Future<Output = Result<T>>>(ask: impl Fn() -> F) -> Result<T> {
    let deadline = Instant::now() + AWAY;
    loop {
        match ask().await {
            Err(error) if passes(&error) && Instant::now() < deadline => tokio::time::sleep(4 * EVERY).await,
            answer => return answer,
        }
    }
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::new(0);
    let style = ProgressStyle::with_template("  {msg:10} [{bar:40}] {pos}/{len} mails, {per_sec}, {eta} left");
    if let Ok(style) = style {
        bar.set_style(style.progress_chars("=> "));
    }
    bar
}

fn show(bar: &ProgressBar, run: &SyncRun) {
    bar.set_length(run.total_estimate.max(run.listed));
    bar.set_position(run.fetched.max(run.stored));
    bar.set_message(run.state.clone());
}

fn ended(run: &SyncRun) -> bool {
    run.finished_at.is_some() || run.state.parse().is_ok_and(RunState::is_over)
}

fn result(run: SyncRun) -> Result<SyncRun> {
    match run.state.parse() {
        Ok(RunState::Failed) => bail!("the sync failed: {}", run.error.as_deref().unwrap_or("no reason given")),
        _ => Ok(run),
    }
}
