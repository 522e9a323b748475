//! What a stack is made from.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use postrider_domain::Secret;

use super::members::Member;
use super::ports::Ports;
use super::process::Lifetime;

/// How many processes the services are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// One each, over RabbitMQ.
    Services,
    /// One for all, with Postgres alone beside it.
    OneProcess,
}

/// Options of a [`super::Stack`].
#[derive(Clone)]
pub struct StackOptions {
    /// Where secrets (`stack.env`), process ids (`pids/`) and logs (`logs/`) are kept; `.run` of a checkout.
    pub dir: PathBuf,
    /// Where the programs are, e.g. `target/debug`.
    pub bin_dir: PathBuf,
    pub ports: Ports,
    /// Postgres as administrator.
    pub database_url: Secret,
    pub shape: Shape,
    /// RabbitMQ with its vhost; nobody reads it where the services are one process.
    pub amqp_url: Secret,
    /// Run `gmail-sim` and point the services to it instead of Google.
    pub simulator: bool,
    /// Settings for every member, over what is derived. Their names are those of `.env.example`.
    pub overrides: BTreeMap<String, String>,
    pub lifetime: Lifetime,
}

/// Of the overrides the names only: some are secrets.
impl fmt::Debug for StackOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StackOptions")
            .field("dir", &self.dir)
            .field("ports", &self.ports)
            .field("shape", &self.shape)
            .field("overrides", &self.overrides.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

impl StackOptions {
    /// A stack in `dir` with the programs beside this one, a simulator, and processes that live no longer than the stack.
    ///
    /// # Errors
    /// The place of this program is not known.
    pub fn new(dir: impl Into<PathBuf>, port_base: u16, database_url: Secret, amqp_url: Secret) -> Result<Self> {
        Ok(Self {
            dir: dir.into(),
            bin_dir: programs_beside_this_one()?,
            ports: Ports { base: port_base },
            database_url,
            shape: Shape::Services,
            amqp_url,
            simulator: true,
            overrides: BTreeMap::new(),
            lifetime: Lifetime::WithStack,
        })
    }

    /// All services in one process.
    #[must_use]
    pub fn in_one_process(self) -> Self {
        Self { shape: Shape::OneProcess, ..self }
    }

    /// Sets one of the overrides.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.overrides.insert(name.to_owned(), value.into());
        self
    }

    /// Directory of the logs.
    pub fn logs(&self) -> PathBuf {
        self.dir.join("logs")
    }

    /// Log of one process.
    pub fn log_file(&self, member: Member, replica: usize) -> PathBuf {
        self.logs().join(format!("{}.log", file_stem(member, replica)))
    }

    /// Where the id of a process is noted while it runs.
    pub fn pid_file(&self, member: Member, replica: usize) -> PathBuf {
        self.dir.join("pids").join(format!("{}.pid", file_stem(member, replica)))
    }

    /// The program of a member.
    pub fn program(&self, member: Member) -> PathBuf {
        self.bin_dir.join(member.program())
    }
}

fn file_stem(member: Member, replica: usize) -> String {
    match replica {
        0 => member.name().to_owned(),
        _ => format!("{}-{replica}", member.name()),
    }
}

/// The directory of this program; one above for test programs, which cargo puts into `deps/`.
fn programs_beside_this_one() -> Result<PathBuf> {
    let program = std::env::current_exe().context("where this program lies is not known")?;
    let dir = program.parent().unwrap_or(Path::new("."));
    let is_deps = dir.file_name().is_some_and(|name| name == "deps");
    Ok(if is_deps { dir.parent().unwrap_or(dir) } else { dir }.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_overridden_is_named_and_not_shown() {
        let options = StackOptions::new("/tmp/none", 9_000, Secret::new("hunter2"), Secret::new("hunter2")).unwrap();
        let shown = format!("{:?}", options.with("JWT_SECRET", "hunter2"));
        assert!(shown.contains("JWT_SECRET") && !shown.contains("hunter2"), "{shown}");
    }
}
