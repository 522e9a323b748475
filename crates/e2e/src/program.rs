//! A program of ours that prints lines, as a user runs it.

use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::until::within;

/// A running program. Killed when dropped.
pub struct Program {
    name: String,
    lines: Arc<Mutex<Vec<String>>>,
    _child: Child,
}

impl Program {
    /// Starts it; what it says on standard error is the test's.
    pub fn start(name: &str, command: &mut Command) -> Self {
        let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit()).kill_on_drop(true);
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{name} does not start: {error}"));
        let stdout = child.stdout.take().expect("the output is piped");
        let lines: Arc<Mutex<Vec<String>>> = Arc::default();
        let seen = lines.clone();
        tokio::runtime::Handle::current().spawn(async move {
            let mut reader = BufReader::new(stdout).lines();
            while let Ok(Some(line)) = reader.next_line().await {
                seen.lock().unwrap_or_else(PoisonError::into_inner).push(line);
            }
        });
        Self { name: name.to_owned(), lines, _child: child }
    }

    /// Everything it printed so far.
    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits for a line that begins so, and returns the rest of it.
    pub async fn says(&self, start: &str) -> String {
        let rest = || self.lines().iter().find_map(|line| line.strip_prefix(start).map(str::to_owned));
        let what = format!("{} says {start:?}", self.name);
        within(Duration::from_secs(60), &what, async || rest().is_some()).await;
        rest().unwrap_or_default()
    }
}
