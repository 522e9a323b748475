//! The programs as they were built, asked what they read and answer.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::repository::{output, root};

/// Where containers find secrets as files.
pub const SECRETS: &str = "/run/secrets/";

/// The built program of that name.
fn program(name: &str) -> PathBuf {
    // target/<profile>/deps/<this test>
    let here = std::env::current_exe().unwrap();
    here.ancestors().nth(2).unwrap().join(name)
}

/// Whether there is a program of that name that knows this subcommand.
pub fn knows(name: &str, subcommand: &str) -> bool {
    let program = program(name);
    program.is_file() && output(Command::new(program).args([subcommand, "--help"])).is_ok()
}

/// Secrets as `deploy/secrets.sh` makes them, in a folder that goes away.
pub struct Secrets(TempDir);

impl Secrets {
    pub fn made() -> Self {
        let folder = TempDir::new().unwrap();
        // A service with Google needs its secret; no other setting of this machine may get in.
        let mut script = Command::new(root().join("deploy/secrets.sh"));
        script.arg(folder.path()).env_clear().env("PATH", "/usr/bin:/bin").env("GOOGLE_CLIENT_SECRET", "x");
        output(&mut script).unwrap();
        Self(folder)
    }

    pub fn folder(&self) -> &Path {
        self.0.path()
    }
}

/// What a program says about an environment.
#[derive(Debug, Clone)]
pub struct Checked {
    /// Names it reads.
    pub reads: BTreeSet<String>,
    /// What is wrong with the environment.
    pub wrong: Option<String>,
}

/// Program and environment.
type Question = (String, BTreeMap<String, PathBuf>);

thread_local! {
    /// What was asked already: of two documents that differ in a name most is the same.
    static ASKED: RefCell<BTreeMap<Question, Checked>> = RefCell::default();
}

/// Runs `<program> check-config` with exactly this environment; `files` tells where the file of a secret really is.
pub fn check_config(name: &str, env: &BTreeMap<String, String>, files: impl Fn(&str) -> Option<PathBuf>) -> Checked {
    let (mut given, mut missing) = (BTreeMap::new(), Vec::new());
    for (name, value) in env {
        match value.strip_prefix(SECRETS) {
            None => drop(given.insert(name.clone(), PathBuf::from(value))),
            Some(secret) => match files(secret) {
                Some(file) => drop(given.insert(name.clone(), file)),
                None => missing.push(format!("{name} names {value}, which is not among the container's secrets")),
            },
        }
    }
    let question = (name.to_owned(), given);
    let known = ASKED.with_borrow(|asked| asked.get(&question).cloned());
    let mut checked = known.unwrap_or_else(|| ask(&question.0, &question.1));
    ASKED.with_borrow_mut(|asked| asked.insert(question, checked.clone()));
    if !missing.is_empty() {
        checked.wrong = Some(missing.join("\n"));
    }
    checked
}

fn ask(name: &str, env: &BTreeMap<String, PathBuf>) -> Checked {
    let program = program(name);
    assert!(program.is_file(), "{} is missing: `cargo build --bins` makes it", program.display());
    let output = Command::new(program).arg("check-config").env_clear().envs(env).output().unwrap();
    let wrong = (!output.status.success()).then(|| String::from_utf8_lossy(&output.stderr).into_owned());
    let table = String::from_utf8_lossy(&output.stdout);
    let reads = table.lines().filter_map(|line| line.split_once("  ").map(|(name, _)| name.to_owned())).collect();
    Checked { reads, wrong }
}

#[test]
fn a_program_tells_what_it_reads_and_what_is_wrong() {
    let env = BTreeMap::from([("INTERNAL_KEYS".to_owned(), "nonsense".to_owned())]);
    let checked = check_config("postrider-gateway", &env, |_| None);
    assert!(checked.wrong.unwrap().contains("JWT_SECRET"));
    assert!(checked.reads.contains("SOCKETIO_URL") && !checked.reads.contains("AMQP_URL"), "{:?}", checked.reads);
    assert!(knows("postrider", "migrate") && !knows("postrider", "fly") && !knows("postrider-nobody", "serve"));
}
