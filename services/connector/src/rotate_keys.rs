//! `postrider-connector rotate-keys`: the command, and what it says.

use std::io::Write;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use postrider_runtime::Env;
use postrider_runtime::config::{DatabaseUrl, all};
use postrider_storage::{Db, DbConfig, Spec};

use crate::actions::rotate::{Counts, Kind, Rotation};
use crate::config::NAME;
use crate::vault::Vault;

/// How often progress is printed at most.
const PAUSE: Duration = Duration::from_secs(1);

/// Seals everything with the newest key of `ENCRYPTION_KEYS` and says how it went.
pub async fn command(env: &Env) -> anyhow::Result<()> {
    let (database, vault) = all((DatabaseUrl::load(env, NAME), Vault::load(env)))?;
    let db = Db::connect(DbConfig::of(database, Spec::CONNECTOR))?;
    let printer = Printer::default();
    let done = Rotation::new(&db, &vault, &|kind, counts| printer.progress(kind, counts)).run().await?;
    say(&format!("{} sealed again with the newest key, {} were already\n", done.sealed_again, done.newest));
    if done.unopened > 0 {
        anyhow::bail!(
            "{} could not be opened: they were sealed with a key that is not in ENCRYPTION_KEYS (the log names their \
             connectors). Put that key back and run this again, or have those accounts connected anew",
            done.unopened
        );
    }
    Ok(())
}

#[derive(Default)]
struct Printer {
    last: Mutex<Option<(Kind, Instant)>>,
}

impl Printer {
    fn progress(&self, kind: Kind, counts: Counts) {
        let mut last = self.last.lock();
        if last.is_some_and(|(of, at)| of == kind && at.elapsed() < PAUSE) {
            return;
        }
        *last = Some((kind, Instant::now()));
        say(&format!("{}: {} sealed again, {} were already\n", kind.as_str(), counts.sealed_again, counts.newest));
    }
}

fn say(text: &str) {
    let _closed_pipe = std::io::stdout().lock().write_all(text.as_bytes());
}
