//! A free block of ports for a stack, so that several people (and a demo) may run at the same time on one machine.

use std::net::{Ipv4Addr, TcpListener};

use postrider_cli::stack::{Member, Ports};

/// Bases are tried from here. Private servers begin at 18,432, ephemeral ports at 32,768.
const FIRST: u16 = 10_000;
const STEP: u16 = 100;
const SLOTS: u16 = 60;
/// Processes of one member that a test may start.
const REPLICAS: usize = 2;

/// A base whose ports nobody listens on. Test processes begin at different places, so that they seldom meet.
pub fn free_base() -> u16 {
    let start = u16::try_from(std::process::id() % u32::from(SLOTS)).unwrap_or(0);
    (0..SLOTS)
        .map(|slot| FIRST + (start + slot) % SLOTS * STEP)
        .find(|base| is_free(Ports { base: *base }))
        .expect("there is a free block of ports for a stack")
}

fn is_free(ports: Ports) -> bool {
    let members = Member::SERVICES.into_iter().chain([Member::GmailSim, Member::AllInOne]);
    let all = members.flat_map(|member| (0..REPLICAS).flat_map(move |replica| ports.all_of(member, replica)));
    all.into_iter().all(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok())
}
