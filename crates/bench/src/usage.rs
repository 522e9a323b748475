//! What a process has used so far, from `/proc`: processor time and memory. Of one process alone, so that whatever else runs
//! on the machine (the load itself, the database) is not in it.

use anyhow::{Context as _, Result};

/// Parts of a second that the kernel counts processor time in: 100 on every architecture we build for.
const TICKS: f64 = 100.0;

/// Seconds of processor time.
pub fn cpu(pid: u32) -> Result<f64> {
    cpu_of(&read(pid, "stat")?).with_context(|| format!("/proc/{pid}/stat is odd"))
}

/// KiB in memory.
pub fn resident(pid: u32) -> Result<f64> {
    resident_of(&read(pid, "status")?).with_context(|| format!("/proc/{pid}/status is odd"))
}

fn read(pid: u32, what: &str) -> Result<String> {
    std::fs::read_to_string(format!("/proc/{pid}/{what}")).with_context(|| format!("process {pid} is not there"))
}

/// A name may hold spaces and brackets: what is counted begins behind the last one.
fn cpu_of(stat: &str) -> Option<f64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut times = rest.split_whitespace().skip(11).map_while(|field| field.parse::<f64>().ok());
    Some((times.next()? + times.next()?) / TICKS)
}

fn resident_of(status: &str) -> Option<f64> {
    status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_kernel_writes() {
        let stat = "7 (a (b) c) S 1 7 7 0 -1 4194560 100 0 0 0 150 50 0 0 20 0 9 0 5 1 2";
        assert_eq!(cpu_of(stat), Some(2.0));
        assert_eq!(resident_of("Name:\tx\nVmRSS:\t   1234 kB\n"), Some(1_234.0));
        assert_eq!((cpu_of(""), resident_of("Name:\tx\n")), (None, None));
        let own = std::process::id();
        assert!(cpu(own).unwrap() >= 0.0 && resident(own).unwrap() > 100.0);
    }
}
