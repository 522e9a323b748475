//! Ports of a stack, all from one base (design: gateway +0 … ingest +4, all in one +5, Socket.IO +13, simulator +90, admin = own + 1100).

use std::net::{Ipv4Addr, TcpListener};

use anyhow::{Result, bail};

use super::members::Member;

/// Socket.IO's place in the block.
const SOCKETIO_OFFSET: u16 = 13;
/// Admin listeners stand this far above their own.
const ADMIN_OFFSET: u16 = 1_100;
/// Replicas beyond the first take their ports this far apart. Fits between the block of services and the servers' ports
/// (`PORT_BASE` + 432 …) for twelve replicas.
const REPLICA_STEP: u16 = 20;
/// Where the second replicas start.
const REPLICAS_OFFSET: u16 = 100;

/// The ports of a stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ports {
    /// First port of the block.
    pub base: u16,
}

impl Ports {
    /// The port of a member's API.
    pub fn of(self, member: Member, replica: usize) -> u16 {
        self.at(member.port_offset(), replica)
    }

    /// The port of a member's `/metrics`.
    pub fn admin_of(self, member: Member, replica: usize) -> u16 {
        self.of(member, replica).saturating_add(ADMIN_OFFSET)
    }

    /// The port of a notification process's Socket.IO listener.
    pub fn socketio(self, replica: usize) -> u16 {
        self.at(SOCKETIO_OFFSET, replica)
    }

    /// Every port a process of a member listens on.
    pub fn all_of(self, member: Member, replica: usize) -> Vec<u16> {
        let mut ports = vec![self.of(member, replica), self.admin_of(member, replica)];
        match member {
            Member::Notification => ports.push(self.socketio(replica)),
            Member::AllInOne => {
                ports.extend(Member::SERVICES.iter().flat_map(|service| self.all_of(*service, replica)))
            }
            _ => {}
        }
        ports
    }

    /// The origin people use.
    pub fn public_url(self) -> String {
        format!("http://localhost:{}", self.of(Member::Gateway, 0))
    }

    fn at(self, offset: u16, replica: usize) -> u16 {
        let shift = match u16::try_from(replica) {
            Ok(0) => 0,
            Ok(replica) => REPLICAS_OFFSET.saturating_add(REPLICA_STEP.saturating_mul(replica - 1)),
            Err(_absurd) => u16::MAX,
        };
        self.base.saturating_add(offset).saturating_add(shift)
    }
}

/// Refuses a port that something listens on already, and names it.
pub(super) fn must_be_free(port: u16, member: Member) -> Result<()> {
    match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
        Ok(_free_again_when_dropped) => Ok(()),
        Err(error) => bail!(
            "port {port}, which {member} needs, is taken ({error}). Stop what listens there (ss -ltnp 'sport = :{port}'), or \
             choose other ports with PORT_BASE=…"
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_first_processes_stand_where_the_design_says() {
        let ports = Ports { base: 8_000 };
        assert_eq!(ports.of(Member::Gateway, 0), 8_000);
        assert_eq!(ports.of(Member::Ingest, 0), 8_004);
        assert_eq!(ports.socketio(0), 8_013);
        assert_eq!(ports.of(Member::GmailSim, 0), 8_090);
        assert_eq!(ports.admin_of(Member::SyncWorker, 0), 9_102);
    }

    #[test]
    fn no_two_listeners_share_a_port() {
        let ports = Ports { base: 8_000 };
        let servers = 8_432..=8_675;
        let mut seen = BTreeSet::new();
        for member in Member::SERVICES.into_iter().chain([Member::GmailSim]) {
            for replica in 0..4 {
                for port in ports.all_of(member, replica) {
                    assert!(seen.insert(port), "{member} {replica}: {port} twice");
                    assert!(!servers.contains(&port), "{member} {replica}: {port} belongs to a server");
                }
            }
        }
    }

    #[test]
    fn a_taken_port_is_named() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let error = must_be_free(port, Member::Gateway).unwrap_err().to_string();
        assert!(
            error.contains(&port.to_string()) && error.contains("gateway") && error.contains("PORT_BASE"),
            "{error}"
        );
    }
}
