//! `postrider google setup` and `postrider google check`.

mod check;
mod setup;

use anyhow::Result;
use clap::Subcommand;

/// What to do at Google.
#[derive(Debug, Subcommand)]
pub enum What {
    /// Create topic, publisher grant and subscription at Google, or repair what drifted. Shows each step first
    Setup(setup::Args),
    /// Tell line by line what is right and what is not, and ask Gmail for a push as the proof
    Check(check::Args),
}

/// Does it.
///
/// # Errors
/// Google refuses, or something is not as it should be; it is told before.
pub async fn google(what: What) -> Result<()> {
    match what {
        What::Setup(args) => setup::setup(args).await,
        What::Check(args) => check::check(args).await,
    }
}

pub use setup::{Outcome, carry_out};
