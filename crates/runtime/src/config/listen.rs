//! Where each process listens, and where `PORT_BASE` moves it.

use std::net::{Ipv4Addr, SocketAddr};

use super::env::Env;
use super::error::ConfigErrors;

/// Distance of an admin listener from its service's own port.
const ADMIN_OFFSET: u16 = 1_100;
const DEFAULT_PORT_BASE: u16 = 8_000;

/// Name, prefix of its variables, place in the block of ports.
const LISTENERS: &[(&str, &str, u16)] = &[
    ("gateway", "GATEWAY", 0),
    ("connector", "CONNECTOR", 1),
    ("sync-worker", "SYNC_WORKER", 2),
    ("notification", "NOTIFICATION", 3),
    ("ingest-webhook", "INGEST", 4),
    ("ingest", "INGEST", 4),
    ("all-in-one", "ALL_IN_ONE", 5),
    ("socketio", "SOCKETIO", 13),
    ("gmail-sim", "GMAIL_SIM", 90),
];

/// The two listeners of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listen {
    /// The API.
    pub addr: SocketAddr,
    /// `/metrics`; nothing on it needs a token, so it is on the loopback address unless a private one is named.
    pub admin_addr: SocketAddr,
}

impl Listen {
    /// The listeners of the service of that name: `<SERVICE>_ADDR` and `<SERVICE>_ADMIN_ADDR`, or their places from
    /// `PORT_BASE` on the loopback address. The admin listener takes the port of a public address, never its network.
    /// Port 0 stays 0: the system chooses.
    ///
    /// # Errors
    /// A malformed address or port, or a block that ends above port 65535.
    pub fn load(env: &Env, service: &str) -> Result<Self, ConfigErrors> {
        let addr = listener_addr(env, service)?;
        let admin = format!("{}_ADMIN_ADDR", prefix(service));
        if let Some(admin_addr) = env.parse_optional(&admin)? {
            return Ok(Self { addr, admin_addr });
        }
        let port = if addr.port() == 0 { Some(0) } else { addr.port().checked_add(ADMIN_OFFSET) };
        let port = port.ok_or_else(|| too_high(&admin, "the service's port + 1100"))?;
        Ok(Self { addr, admin_addr: SocketAddr::from((Ipv4Addr::LOCALHOST, port)) })
    }
}

/// The address of one listener (`gateway`, `connector`, `sync-worker`, `notification`, `socketio`, `ingest-webhook`,
/// `gmail-sim`).
///
/// # Errors
/// A malformed address or port, or a block that ends above port 65535.
pub fn listener_addr(env: &Env, listener: &str) -> Result<SocketAddr, ConfigErrors> {
    let name = format!("{}_ADDR", prefix(listener));
    if let Some(addr) = env.parse_optional(&name)? {
        return Ok(addr);
    }
    let base: u16 = env.parse_or("PORT_BASE", DEFAULT_PORT_BASE)?;
    let offset = LISTENERS.iter().find(|(known, ..)| *known == listener).map_or(0, |(.., offset)| *offset);
    let port = if base == 0 { Some(0) } else { base.checked_add(offset) };
    let port = port.ok_or_else(|| too_high("PORT_BASE", "the block of ports"))?;
    Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
}

/// `SYNC_WORKER` for `sync-worker`.
pub(super) fn prefix(listener: &str) -> String {
    let known = LISTENERS.iter().find(|(known, ..)| *known == listener).map(|(_, prefix, _)| (*prefix).to_owned());
    known.unwrap_or_else(|| listener.to_ascii_uppercase().replace('-', "_"))
}

fn too_high(name: &str, what: &str) -> ConfigErrors {
    ConfigErrors::one(name, format!("puts {what} above 65535"), "Choose a lower port")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ports(pairs: &[(&str, &str)], service: &str) -> (u16, u16) {
        let listen = Listen::load(&Env::from_pairs(pairs.iter().copied()), service).unwrap();
        (listen.addr.port(), listen.admin_addr.port())
    }

    #[test]
    fn the_block_moves_with_port_base_and_an_address_wins() {
        assert_eq!(ports(&[], "gateway"), (8_000, 9_100));
        assert_eq!(ports(&[], "sync-worker"), (8_002, 9_102));
        assert_eq!(ports(&[], "gmail-sim"), (8_090, 9_190));
        assert_eq!(ports(&[("PORT_BASE", "9000")], "ingest-webhook"), (9_004, 10_104));
        assert_eq!(ports(&[("PORT_BASE", "9000"), ("CONNECTOR_ADDR", "0.0.0.0:80")], "connector"), (80, 1_180));
        assert_eq!(ports(&[("CONNECTOR_ADDR", "127.0.0.1:0")], "connector"), (0, 0));
        assert_eq!(ports(&[("NOTIFICATION_ADMIN_ADDR", "127.0.0.1:7")], "notification"), (8_003, 7));
    }

    #[test]
    fn an_admin_listener_is_on_loopback_unless_it_is_put_elsewhere() {
        let admin = |pairs: &[(&str, &str)]| {
            let listen = Listen::load(&Env::from_pairs(pairs.iter().copied()), "gateway").unwrap();
            listen.admin_addr.to_string()
        };
        for public in ["0.0.0.0:8000", "[::]:8000", "10.0.0.7:8000"] {
            assert_eq!(admin(&[("GATEWAY_ADDR", public)]), "127.0.0.1:9100", "{public}");
        }
        let named = [("GATEWAY_ADDR", "0.0.0.0:8000"), ("GATEWAY_ADMIN_ADDR", "0.0.0.0:9100")];
        assert_eq!(admin(&named), "0.0.0.0:9100");
    }

    #[test]
    fn a_block_that_does_not_fit_is_refused() {
        let env = Env::from_pairs([("PORT_BASE", "65000")]);
        assert!(Listen::load(&env, "gateway").unwrap_err().to_string().contains("above 65535"));
    }
}
