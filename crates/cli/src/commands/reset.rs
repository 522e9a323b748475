//! `postrider reset`.

use std::io::IsTerminal as _;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::Args as ClapArgs;

use crate::console::{agreed, say};
use crate::local::{self, Checkout, Settings};
use crate::stack::leftovers;

/// Whether it asks.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// Do not ask. Where there is no terminal nobody is asked anyway.
    #[arg(long)]
    yes: bool,
}

/// Stops everything and deletes this checkout's local data: databases, queues, logs, and the secrets they are sealed with.
/// Servers that the environment names are not touched, and what is sealed in a database there can still be opened.
///
/// # Errors
/// Somebody said no, or the servers do not stop.
pub async fn reset(args: Args) -> Result<()> {
    let checkout = Checkout::find();
    let dir = checkout.run_dir();
    let goes = goes(Settings::of(&checkout)?.has_secret("DATABASE_URL"));
    if !args.yes && std::io::stdin().is_terminal() {
        let question = format!("Stop all and delete for good what {} holds: {}?", dir.display(), goes.told);
        if !agreed(question).context("no answer")? {
            bail!("nothing was deleted");
        }
    }
    leftovers::stop(&dir, Duration::from_secs(10)).await;
    local::wipe(&checkout).await?;
    for name in goes.files {
        let path = dir.join(name);
        let _was_not_there = if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
    }
    say(format_args!("{} holds no {} any more.", dir.display(), goes.told));
    if !goes.files.contains(&SECRETS) {
        say(format_args!(
            "{} stays: without its ENCRYPTION_KEYS nobody can open the consents in the database of DATABASE_URL.",
            dir.join(SECRETS).display()
        ));
    }
    Ok(())
}

const SECRETS: &str = "stack.env";

/// What is deleted.
struct Goes {
    files: &'static [&'static str],
    told: &'static str,
}

/// The secrets go with the data they protect, and stay with it.
fn goes(database_is_elsewhere: bool) -> Goes {
    if database_is_elsewhere {
        Goes { files: &["logs", "pids"], told: "private servers' data and logs" }
    } else {
        Goes { files: &[SECRETS, "logs", "pids"], told: "data, secrets or logs" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_of_a_database_elsewhere_stay() {
        assert!(goes(false).files.contains(&SECRETS));
        assert!(!goes(true).files.contains(&SECRETS) && goes(true).files.contains(&"logs"));
    }
}
