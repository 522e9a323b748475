//! Processes that are noted in `<dir>/pids`: a background stack, or what a killed command left behind.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::Signal;
use tokio::time::Instant;

use super::members::Member;
use super::process::signal;

/// A noted process that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Noted {
    pub member: Member,
    pub pid: u32,
    file: PathBuf,
}

/// The noted processes that still run. Notes of processes that do not (or whose id belongs to another program by now)
/// are removed.
pub fn noted(dir: &Path) -> Vec<Noted> {
    let Ok(entries) = std::fs::read_dir(dir.join("pids")) else { return Vec::new() };
    let mut found = Vec::new();
    for file in entries.filter_map(|entry| entry.ok().map(|entry| entry.path())) {
        match read(&file) {
            Some(noted) if is_running(&noted) => found.push(noted),
            _ => {
                let _not_ours = std::fs::remove_file(&file);
            }
        }
    }
    found.sort_by_key(|noted| noted.member);
    found
}

/// Stops them: SIGTERM to all, SIGKILL to those that run after `within`. Answers whom it stopped.
pub async fn stop(dir: &Path, within: Duration) -> Vec<Noted> {
    let all = noted(dir);
    for one in &all {
        let _gone = signal(one.pid, Signal::TERM);
        // A frozen process would never see the first signal.
        let _gone = signal(one.pid, Signal::CONT);
    }
    let deadline = Instant::now() + within;
    while Instant::now() < deadline && all.iter().any(is_running) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    for one in &all {
        if is_running(one) {
            let _gone = signal(one.pid, Signal::KILL);
        }
        let _gone = std::fs::remove_file(&one.file);
    }
    all
}

fn read(file: &Path) -> Option<Noted> {
    let stem = file.file_stem()?.to_str()?;
    let member = Member::named(stem).or_else(|| {
        let (name, replica) = stem.rsplit_once('-')?;
        replica.parse::<usize>().ok().and_then(|_| Member::named(name))
    })?;
    let pid = std::fs::read_to_string(file).ok()?.trim().parse().ok()?;
    Some(Noted { member, pid, file: file.to_owned() })
}

/// True while the process exists, is no zombie, and is the program the note names.
fn is_running(noted: &Noted) -> bool {
    let proc = PathBuf::from(format!("/proc/{}", noted.pid));
    let Ok(program) = std::fs::read_link(proc.join("exe")) else { return false };
    // A program that was rebuilt meanwhile shows as "… (deleted)".
    let name = program.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.trim_end_matches(" (deleted)") == noted.member.program()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_of_other_programs_and_dead_processes_are_removed() {
        let dir = tempfile::tempdir().unwrap();
        let pids = dir.path().join("pids");
        std::fs::create_dir_all(&pids).unwrap();
        // This test itself is no gateway; process 4194305 cannot exist (pid_max is at most 2^22).
        std::fs::write(pids.join("gateway.pid"), std::process::id().to_string()).unwrap();
        std::fs::write(pids.join("sync-worker-1.pid"), "4194305").unwrap();
        std::fs::write(pids.join("nonsense.pid"), "1").unwrap();
        assert_eq!(noted(dir.path()), []);
        assert_eq!(std::fs::read_dir(pids).unwrap().count(), 0);
    }

    #[test]
    fn names_with_and_without_replica_are_read() {
        let dir = tempfile::tempdir().unwrap();
        for (name, member) in [("gateway", Member::Gateway), ("sync-worker-2", Member::SyncWorker)] {
            let file = dir.path().join(format!("{name}.pid"));
            std::fs::write(&file, "17\n").unwrap();
            let noted = read(&file).unwrap();
            assert_eq!((noted.member, noted.pid), (member, 17));
        }
    }
}
