//! One child process: start, readiness, signals, end.
//!
//! Children form process groups of their own, so that Ctrl-C in a terminal reaches only the command, which then stops
//! them in order. Their ids are noted in files while they run; what an earlier, killed command left behind is found there.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::time::Instant;

use super::READY_WITHIN;
use super::members::Member;
use super::options::StackOptions;

/// How long children live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lifetime {
    /// No longer than the [`super::Stack`]: dropping it kills them.
    WithStack,
    /// Until somebody stops them (`postrider up` … `down`).
    UntilStopped,
}

/// A child process.
#[derive(Debug)]
pub struct Running {
    child: Child,
    pid: u32,
    pid_file: PathBuf,
}

impl Running {
    /// Process id.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// False once it has ended.
    pub fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// SIGTERM, then SIGKILL after `within`. Returns when it is gone.
    pub async fn stop(mut self, within: Duration) {
        let _gone_already = signal(self.pid, Signal::TERM);
        if tokio::time::timeout(within, self.child.wait()).await.is_err() {
            let _gone_meanwhile = self.child.kill().await;
        }
        self.forget();
    }

    /// SIGKILL. Returns when it is gone.
    pub async fn kill9(mut self) -> Result<()> {
        self.child.kill().await.context("cannot kill the process")?;
        self.forget();
        Ok(())
    }

    /// SIGSTOP or SIGCONT.
    pub fn freeze(&self, frozen: bool) -> Result<()> {
        signal(self.pid, if frozen { Signal::STOP } else { Signal::CONT })
    }

    fn forget(&self) {
        let _never_written = std::fs::remove_file(&self.pid_file);
    }
}

/// Starts `<program> serve`.
pub(super) fn start(
    options: &StackOptions,
    member: Member,
    replica: usize,
    env: &BTreeMap<String, String>,
) -> Result<Running> {
    let path = options.log_file(member, replica);
    let log = File::options().create(true).append(true).open(&path);
    let log = log.with_context(|| format!("cannot write {}", path.display()))?;
    let mut command = command(&options.bin_dir, member, "serve", env)?;
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    command.process_group(0).kill_on_drop(options.lifetime == Lifetime::WithStack);
    let child = command.spawn().with_context(|| format!("cannot start {member}"))?;
    let pid = child.id().with_context(|| format!("{member} ended at once: see {}", path.display()))?;
    let pid_file = options.pid_file(member, replica);
    note(&pid_file, pid).with_context(|| format!("cannot write {}", pid_file.display()))?;
    Ok(Running { child, pid, pid_file })
}

/// Runs `<program> <subcommand>` to its end.
pub(super) async fn run_to_end(
    programs: &Path,
    member: Member,
    subcommand: &str,
    env: &BTreeMap<String, String>,
) -> Result<()> {
    let mut command = command(programs, member, subcommand, env)?;
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output().await;
    let output = output.with_context(|| format!("cannot start {member}"))?;
    if output.status.success() {
        return Ok(());
    }
    let text = [output.stdout, output.stderr].concat();
    bail!("{member} {subcommand} failed:\n{}", String::from_utf8_lossy(&text).trim())
}

fn command(programs: &Path, member: Member, subcommand: &str, env: &BTreeMap<String, String>) -> Result<Command> {
    let program = programs.join(member.program());
    if !program.is_file() {
        bail!("{} is missing: build it with `cargo build --bin {}`", program.display(), member.program());
    }
    let mut command = Command::new(program);
    command.arg(subcommand).env_clear().envs(env);
    Ok(command)
}

/// Asks `/health/ready` until it answers 200.
pub(super) async fn wait_ready(running: &mut Running, member: Member, origin: &str, log: &Path) -> Result<()> {
    let client = crate::http::client()?;
    let deadline = Instant::now() + READY_WITHIN;
    let url = format!("{origin}/health/ready");
    let mut last = "nothing listens yet".to_owned();
    loop {
        match client.get(&url).timeout(Duration::from_secs(2)).send().await {
            Ok(answer) if answer.status().is_success() => return Ok(()),
            Ok(answer) => last = format!("{}: {}", answer.status(), answer.text().await.unwrap_or_default()),
            Err(_not_listening_yet) => {}
        }
        if !running.is_alive() {
            bail!("{member} ended. The end of {}:\n{}", log.display(), tail(log));
        }
        if Instant::now() >= deadline {
            let seconds = READY_WITHIN.as_secs();
            bail!("{member} was not ready after {seconds} s ({last}). The end of {}:\n{}", log.display(), tail(log));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The last lines of a log, for an error message.
fn tail(log: &Path) -> String {
    let text = std::fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    lines.get(lines.len().saturating_sub(20)..).unwrap_or_default().join("\n")
}

fn note(pid_file: &Path, pid: u32) -> std::io::Result<()> {
    if let Some(dir) = pid_file.parent() {
        std::fs::create_dir_all(dir)?;
    }
    std::fs::write(pid_file, pid.to_string())
}

pub(super) fn signal(pid: u32, signal: Signal) -> Result<()> {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).context("not a process id")?;
    kill_process(pid, signal).context("the process is gone")
}
