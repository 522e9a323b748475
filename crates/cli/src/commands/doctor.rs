//! `postrider doctor`.

use anyhow::Result;
use clap::Args as ClapArgs;
use postrider_domain::Seams;

use super::findings::tell;
use crate::doctor::{Installation, examine};

/// How it is told.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// A JSON list of `{area, verdict, text, remedy}`, for programs.
    #[arg(long)]
    json: bool,
}

/// Looks at the whole installation and says what it lacks, each line with its remedy.
///
/// # Errors
/// Something fails: it is told before.
pub async fn doctor(args: Args) -> Result<()> {
    let findings = examine(&Installation::here()?, &Seams::system()).await;
    tell(&findings, args.json)
}
