//! This machine: ports that a start would need, and disk.

use std::path::Path;

use super::{Finding, Installation};
use crate::stack::{Member, leftovers};

/// Below these a disk is nearly full.
const FREE_PERCENT: u64 = 10;
const FREE_BYTES: u64 = 2 << 30;

pub fn look(installation: &Installation) -> Vec<Finding> {
    let mut findings = vec![disk(&installation.data)];
    // Ports are asked only where this machine starts the programs.
    if !installation.programs.is_empty() {
        findings.extend(ports(installation));
    }
    findings
}

fn disk(data: &Path) -> Finding {
    const AREA: &str = "disk";
    let Some(folder) = data.ancestors().find(|folder| folder.is_dir()) else {
        return Finding::ok(AREA, "nothing is kept here");
    };
    let Ok(stat) = rustix::fs::statvfs(folder) else { return Finding::ok(AREA, "cannot be measured here") };
    let (free, all) = (stat.f_bavail.saturating_mul(stat.f_frsize), stat.f_blocks.saturating_mul(stat.f_frsize));
    let percent = (free.saturating_mul(100)).checked_div(all).unwrap_or(100);
    let text = format!("{:.1} GB are free at {}", giga(free), folder.display());
    if percent < FREE_PERCENT && free < FREE_BYTES {
        return Finding::warn(AREA, text, "Free some: RabbitMQ stops taking messages at 1 GB, Postgres at none");
    }
    Finding::ok(AREA, text)
}

fn giga(bytes: u64) -> f64 {
    f64::from(u32::try_from(bytes >> 20).unwrap_or(u32::MAX)) / 1_024.0
}

fn ports(installation: &Installation) -> Vec<Finding> {
    const AREA: &str = "ports";
    let ours = leftovers::noted(&installation.data);
    let mut findings = Vec::new();
    for member in installation.programs.keys().filter(|member| !ours.iter().any(|noted| noted.member == **member)) {
        for port in installation.ports.all_of(*member, 0) {
            if std::net::TcpListener::bind(("127.0.0.1", port)).is_err() {
                let remedy =
                    format!("Stop what listens there (ss -ltnp 'sport = :{port}'), or choose others with PORT_BASE");
                findings.push(Finding::fail(AREA, format!("{port}, which {member} needs, is taken"), remedy));
            }
        }
    }
    if findings.is_empty() {
        let count = Member::SERVICES.len();
        findings.push(Finding::ok(AREA, format!("free for the {count} services, or theirs")));
    }
    findings
}
