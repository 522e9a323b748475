//! Where webhooks may go. Whoever makes an endpoint chooses an address that *we* call: without a guard that is a way into
//! our own network. A name is judged by the addresses it has when the connection is made, so that a name that changes
//! them meanwhile gains nothing.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

/// Longest URL, in bytes.
const LONGEST: usize = 2_048;
/// Ports that web servers listen on.
const PORTS: [u16; 2] = [443, 8443];

/// How far webhooks go (`WEBHOOK_ALLOW_PRIVATE`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Public addresses by https.
    Public,
    /// Any address, also by http and on any port.
    Anywhere,
}

impl Reach {
    fn allows(self, address: IpAddr) -> bool {
        self == Self::Anywhere || is_public(address)
    }
}

/// Why a URL is no target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoTarget {
    #[error("is no URL")]
    Malformed,
    #[error("is longer than 2048 bytes")]
    Long,
    #[error("is not https")]
    Scheme,
    #[error("has a user name or a password")]
    UserInfo,
    #[error("has a fragment")]
    Fragment,
    #[error("has a port other than 443 and 8443")]
    Port,
    #[error("is an address that webhooks may not go to")]
    Address,
}

/// A URL that webhooks may be sent to, as far as can be told before its name is resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target(Url);

impl Target {
    /// Reads and checks.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str, reach: Reach) -> Result<Self, NoTarget> {
        if text.len() > LONGEST {
            return Err(NoTarget::Long);
        }
        let url: Url = text.parse().map_err(|_malformed| NoTarget::Malformed)?;
        match (url.scheme(), reach) {
            ("https", _) | ("http", Reach::Anywhere) => {}
            _ => return Err(NoTarget::Scheme),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(NoTarget::UserInfo);
        }
        if url.fragment().is_some() {
            return Err(NoTarget::Fragment);
        }
        if reach == Reach::Public && !url.port_or_known_default().is_some_and(|port| PORTS.contains(&port)) {
            return Err(NoTarget::Port);
        }
        // A literal address is not resolved: it is judged here, at every attempt.
        let allowed = match url.host() {
            Some(Host::Ipv4(address)) => reach.allows(address.into()),
            Some(Host::Ipv6(address)) => reach.allows(address.into()),
            Some(Host::Domain(name)) => !name.is_empty(),
            None => return Err(NoTarget::Malformed),
        };
        if allowed { Ok(Self(url)) } else { Err(NoTarget::Address) }
    }

    /// The URL.
    pub fn url(&self) -> &Url {
        &self.0
    }
}

/// A name all of whose addresses are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("every address of the name is one that webhooks may not go to")]
pub struct Refused;

/// Resolves names and drops the addresses that webhooks may not go to.
#[derive(Debug, Clone, Copy)]
pub struct GuardedResolver(pub Reach);

impl GuardedResolver {
    /// For a client.
    pub fn shared(self) -> Arc<Self> {
        Arc::new(self)
    }
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = self.0;
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let allowed: Vec<SocketAddr> = found.into_iter().filter(|found| reach.allows(found.ip())).collect();
            if allowed.is_empty() {
                return Err(Refused.into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

/// Whether an address belongs to the public internet. What is not known to be public is not.
pub fn is_public(address: IpAddr) -> bool {
    // `::ffff:10.0.0.1` is `10.0.0.1`.
    match address.to_canonical() {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_documentation();
    // This network; shared by carriers; protocol assignments; 6to4 relays; benchmarks; reserved and broadcast.
    let reserved = a == 0
        || (a == 100 && (64..128).contains(&b))
        || (a, b, c) == (192, 0, 0)
        || (a, b, c) == (192, 88, 99)
        || (a == 198 && (b == 18 || b == 19))
        || a >= 240;
    !special && !reserved
}

/// Only 2000::/3 is given out. In it: protocol assignments with Teredo, documentation, and 6to4, which carries an IPv4
/// address. NAT64 (64:ff9b::/96) lies outside.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, ..] = address.segments();
    let global = a & 0xe000 == 0x2000;
    let special = match a {
        0x2001 => b < 0x0200 || b == 0x0db8,
        0x2002 => true,
        0x3fff => b < 0x1000,
        _ => false,
    };
    global && !special
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_networks_that_are_not_public_are_refused() {
        for text in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.8.8.8",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::10.0.0.1",
            "64:ff9b::a00:1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:a00:1::",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!is_public(text.parse().unwrap()), "{text}");
        }
        for text in ["1.1.1.1", "8.8.8.8", "100.63.0.1", "172.32.0.1", "::ffff:8.8.8.8", "2606:4700::1111", "2a00::1"] {
            assert!(is_public(text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn urls_are_public_https_unless_a_setting_allows_more() {
        let parse = |text: &str| Target::parse(text, Reach::Public).map(|_| ());
        for (text, why) in [
            ("", NoTarget::Malformed),
            ("example.com", NoTarget::Malformed),
            ("http://example.com/", NoTarget::Scheme),
            ("ftp://example.com/", NoTarget::Scheme),
            ("https://u@example.com/", NoTarget::UserInfo),
            ("https://:p@example.com/", NoTarget::UserInfo),
            ("https://example.com/#f", NoTarget::Fragment),
            ("https://example.com:22/", NoTarget::Port),
            ("https://127.0.0.1/", NoTarget::Address),
            ("https://2130706433/", NoTarget::Address),
            ("https://0x7f.1/", NoTarget::Address),
            ("https://[::1]/", NoTarget::Address),
            ("https://[::ffff:169.254.169.254]/", NoTarget::Address),
            ("https://[64:ff9b::a9fe:a9fe]/", NoTarget::Address),
        ] {
            assert_eq!(parse(text), Err(why), "{text}");
        }
        assert_eq!(parse(&format!("https://example.com/{}", "x".repeat(2_048))), Err(NoTarget::Long));
        for text in ["https://example.com/hook?a=b", "https://example.com:8443", "https://1.1.1.1/"] {
            assert_eq!(parse(text), Ok(()), "{text}");
        }
        for text in ["http://127.0.0.1:9000/", "https://10.0.0.1/"] {
            assert!(Target::parse(text, Reach::Anywhere).is_ok(), "{text}");
        }
    }
}
