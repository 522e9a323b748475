//! `postrider logs`.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use clap::Args as ClapArgs;
use tokio::process::Command;

use crate::local::Checkout;

/// Whose logs.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// Names such as `sync-worker`; all without.
    services: Vec<String>,
    /// Print what is there and end.
    #[arg(long)]
    no_follow: bool,
}

/// Shows the ends of the logs and what is added, until Ctrl-C.
///
/// # Errors
/// There are no logs.
pub async fn logs(args: Args) -> Result<()> {
    let dir = Checkout::find().run_dir().join("logs");
    let wanted = |path: &PathBuf| {
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        args.services.is_empty() || args.services.iter().any(|name| stem == name)
    };
    let entries = std::fs::read_dir(&dir).ok();
    let mut files: Vec<PathBuf> =
        entries.into_iter().flatten().filter_map(|entry| entry.ok().map(|entry| entry.path())).filter(wanted).collect();
    files.sort();
    if files.is_empty() {
        bail!("no such logs in {}", dir.display());
    }
    let mut tail = Command::new("tail");
    tail.args(["-n", "40"]);
    if !args.no_follow {
        tail.arg("-F");
    }
    // Ctrl-C reaches tail too and ends both.
    tail.args(files).status().await.context("tail cannot be run")?;
    Ok(())
}
