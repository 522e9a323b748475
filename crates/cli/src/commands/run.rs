//! `postrider run`: from nothing to a mail arriving, and then on until Ctrl-C.

use std::time::Duration;

use anyhow::{Result, bail};

use super::interrupt::interrupted;
use super::started::{invite, start};
use crate::console::say;
use crate::demo::{TENANT, USER, demonstrate};
use crate::local::{self, Checkout};
use crate::stack::{Lifetime, Member, Shape, Stack, leftovers};

/// How long processes may take to stop.
const STOP: Duration = Duration::from_secs(15);

/// Runs the demo. Whatever happens, nothing that it started is left running.
///
/// # Errors
/// A step failed; everything was stopped.
pub async fn run() -> Result<()> {
    let checkout = Checkout::find();
    let stopped = leftovers::stop(&checkout.run_dir(), STOP).await;
    if !stopped.is_empty() {
        say(format_args!("Stopped {} processes of an earlier run", stopped.len()));
    }
    let mut running: Option<Stack> = None;
    let shown = tokio::select! {
        shown = show(&checkout, &mut running) => shown,
        () = interrupted() => Ok(()),
    };
    say("\nStopping …");
    if let Some(stack) = &mut running {
        stack.stop_all(STOP).await;
    }
    // Processes that were started when the interrupt came in the middle of a step.
    drop(running);
    leftovers::stop(&checkout.run_dir(), STOP).await;
    local::stop_ours(&checkout).await?;
    shown
}

async fn show(checkout: &Checkout, running: &mut Option<Stack>) -> Result<()> {
    let stack = running.insert(start(checkout, Lifetime::WithStack, Shape::Services).await?);
    if stack.options().simulator {
        let (gateway, simulator) = (stack.url(Member::Gateway), stack.url(Member::GmailSim));
        demonstrate(&gateway, &simulator, &stack.token(TENANT, USER)?, None).await?;
    }
    invite(stack)?;
    say("\nIt runs. Ctrl-C stops everything.");
    watch(stack).await
}

/// Waits until a process ends by itself: then something is wrong.
async fn watch(stack: &mut Stack) -> Result<()> {
    loop {
        if let Some(member) = stack.ended() {
            bail!("{member} ended: see {}", stack.options().log_file(member, 0).display());
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}
