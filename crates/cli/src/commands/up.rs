//! `postrider up` and `postrider all-in-one`: the stack in the background, as five services or as one process.

use std::time::Duration;

use anyhow::{Result, anyhow, bail};

use super::interrupt::interrupted;
use super::started::{invite, start};
use crate::console::say;
use crate::local::{self, Checkout};
use crate::stack::{Lifetime, Shape, leftovers};

/// Starts the stack and returns when it is ready. A stack that runs already is an error, and is left alone. Ctrl-C on the way
/// leaves nothing half started.
///
/// # Errors
/// A step failed; what it had started is stopped again.
pub async fn up(shape: Shape) -> Result<()> {
    let checkout = Checkout::find();
    let running = leftovers::noted(&checkout.run_dir());
    if !running.is_empty() {
        let names: Vec<_> = running.iter().map(|noted| noted.member.name()).collect();
        bail!("the stack of this checkout runs already ({}): `make down` stops it", names.join(", "));
    }
    let started = tokio::select! {
        started = start(&checkout, Lifetime::UntilStopped, shape) => started,
        () = interrupted() => Err(anyhow!("interrupted: what was started is stopped again")),
    };
    match started {
        Ok(stack) => {
            invite(&stack)?;
            say("\n`make down` stops it.");
            Ok(())
        }
        Err(error) => {
            leftovers::stop(&checkout.run_dir(), Duration::from_secs(10)).await;
            local::stop_ours(&checkout).await?;
            Err(error)
        }
    }
}
