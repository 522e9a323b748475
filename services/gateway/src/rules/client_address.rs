//! Whose address a request comes from. A TLS proxy in front of the gateway is the TCP peer of everybody; the client is
//! then named in `X-Forwarded-For`, which anybody may write. So the header is read from the right, where our own proxies
//! write, and only as far as each hop is one of `TRUSTED_PROXIES`.

use std::net::{IpAddr, SocketAddr};

use ipnet::{IpNet, Ipv6Net};

/// `TRUSTED_PROXIES`: networks whose `X-Forwarded-For` is believed. Empty, or written `none`, trusts nobody; `private`
/// stands for all networks that no stranger can have an address of. IPv4 ones stand as `::ffff:a.b.c.d`, so that there
/// is one kind.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TrustedProxies(Vec<Ipv6Net>);

/// Nobody's header is believed.
const NONE: &str = "none";
/// Every network below.
const PRIVATE: &str = "private";
/// Loopback, RFC 1918, RFC 6598, link-local and unique local addresses: proxies on this machine, in its containers or
/// in its data centre.
const PRIVATE_NETWORKS: [&str; 9] = [
    "127.0.0.0/8",
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "100.64.0.0/10",
    "169.254.0.0/16",
    "::1/128",
    "fc00::/7",
    "fe80::/10",
];

/// An entry that is no network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotANetwork {
    #[error(
        "{0:?} is neither an address, nor a network such as 10.0.0.0/8 or fd00::/8 (no bits below the prefix), nor the \
         word private"
    )]
    Entry(String),
    #[error("the word none stands alone")]
    NoneAmongOthers,
}

impl TrustedProxies {
    /// # Errors
    /// An entry is neither an address nor a network.
    pub fn parse<'a>(entries: impl IntoIterator<Item = &'a str>) -> Result<Self, NotANetwork> {
        let entries: Vec<&str> = entries.into_iter().collect();
        match entries.as_slice() {
            [NONE] => return Ok(Self::default()),
            several if several.contains(&NONE) => return Err(NotANetwork::NoneAmongOthers),
            _ => {}
        }
        let networks = entries.into_iter().flat_map(|entry| match entry {
            PRIVATE => PRIVATE_NETWORKS.as_slice().iter().copied().map(network).collect(),
            entry => vec![network(entry)],
        });
        networks.collect::<Result<_, _>>().map(Self)
    }

    /// True when nobody is trusted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The right-most hop that is not trusted, as the trusted ones tell it. `forwarded` are the values of all
    /// `X-Forwarded-For` headers, in order.
    pub fn client<'a>(&self, peer: IpAddr, forwarded: impl DoubleEndedIterator<Item = &'a str>) -> IpAddr {
        let mut client = peer.to_canonical();
        for hop in forwarded.rev().flat_map(|value| value.rsplit(',')) {
            if !self.trusts(client) {
                break;
            }
            // What is no address cannot be asked further: the proxy that passed it on answers for it.
            let Some(hop) = address(hop.trim()) else { break };
            client = hop;
        }
        client
    }

    fn trusts(&self, address: IpAddr) -> bool {
        let address = match address {
            IpAddr::V4(address) => address.to_ipv6_mapped(),
            IpAddr::V6(address) => address,
        };
        self.0.iter().any(|network| network.contains(&address))
    }
}

/// Whose budget an address uses. One household has a /64 in IPv6: an address of its own for each request would be no
/// limit.
pub fn household(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) & (u128::MAX << 64)).into()),
    }
}

/// An address, or a network as `10.0.0.0/8`.
fn network(text: &str) -> Result<Ipv6Net, NotANetwork> {
    let net = text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
    let net = net.filter(|net| net.trunc() == *net).and_then(|net| match net {
        IpNet::V4(net) => Ipv6Net::new(net.addr().to_ipv6_mapped(), net.prefix_len() + 96).ok(),
        IpNet::V6(net) => Some(net),
    });
    net.ok_or_else(|| NotANetwork::Entry(text.to_owned()))
}

/// `a.b.c.d`, `a.b.c.d:port`, `::1`, `[::1]`, `[::1]:port`: proxies write all of them.
fn address(hop: &str) -> Option<IpAddr> {
    let bare = hop.strip_prefix('[').and_then(|hop| hop.strip_suffix(']')).unwrap_or(hop);
    let parsed = bare.parse::<IpAddr>().ok().or_else(|| hop.parse::<SocketAddr>().ok().map(|hop| hop.ip()));
    parsed.map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn client(trusted: &[&str], peer: &str, forwarded: &[&str]) -> String {
        let trusted = TrustedProxies::parse(trusted.iter().copied()).unwrap();
        trusted.client(ip(peer), forwarded.iter().copied()).to_string()
    }

    #[test]
    fn the_header_is_believed_of_trusted_peers_only() {
        assert_eq!(client(&[], "10.0.0.1", &["6.6.6.6"]), "10.0.0.1");
        assert_eq!(client(&["10.0.0.0/8"], "9.9.9.9", &["6.6.6.6"]), "9.9.9.9");
        assert_eq!(client(&["10.0.0.0/8"], "10.0.0.1", &["6.6.6.6"]), "6.6.6.6");
        assert_eq!(client(&["10.0.0.0/8"], "::ffff:10.0.0.1", &["6.6.6.6"]), "6.6.6.6");
        assert_eq!(client(&["10.0.0.0/8"], "10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn it_is_read_from_the_right_as_far_as_hops_are_trusted() {
        let trusted = ["10.0.0.0/8", "fd00::/8", "192.0.2.7"];
        let of = |forwarded: &[&str]| client(&trusted, "10.0.0.1", forwarded);
        // What the client itself wrote stands left of what our proxy saw.
        assert_eq!(of(&["1.1.1.1, 6.6.6.6"]), "6.6.6.6");
        assert_eq!(of(&["1.1.1.1", "6.6.6.6, 10.1.2.3", "192.0.2.7"]), "6.6.6.6");
        assert_eq!(of(&["6.6.6.6:4711, [fd00::1]:80,fd00::2"]), "6.6.6.6");
        assert_eq!(of(&["[2001:db8::1], [fd00::1]"]), "2001:db8::1");
        // All of it ours: the farthest. No address: the hop that said so.
        assert_eq!(of(&["10.9.9.9, 10.0.0.2"]), "10.9.9.9");
        for broken in ["6.6.6.6, unknown", "6.6.6.6,", "6.6.6.6, 300.1.1.1", ""] {
            assert_eq!(of(&[broken]), "10.0.0.1", "{broken:?}");
        }
    }

    #[test]
    fn entries_that_are_no_networks_stop_the_start() {
        for bad in ["10.0.0.0/33", "10.0.0.1/8", "fd00::/129", "proxy", "10.0.0.0/", "10.0.0.0/+8", "/8", ""] {
            assert!(TrustedProxies::parse([bad]).is_err(), "{bad}");
        }
        assert!(TrustedProxies::parse(["0.0.0.0/0", "::/0", "127.0.0.1", "::1"]).is_ok());
        assert_eq!(client(&["0.0.0.0/0"], "2001:db8::1", &["6.6.6.6"]), "2001:db8::1");
        assert_eq!(client(&["::/0"], "2001:db8::1", &["6.6.6.6"]), "6.6.6.6");
    }

    #[test]
    fn private_networks_and_nobody_have_a_word() {
        for proxy in
            ["127.0.0.1", "10.1.2.3", "172.17.0.1", "192.168.1.1", "100.64.0.1", "169.254.1.1", "::1", "fd00::1"]
        {
            assert_eq!(client(&["private"], proxy, &["6.6.6.6"]), "6.6.6.6", "{proxy}");
        }
        for stranger in ["9.9.9.9", "172.32.0.1", "2001:db8::1"] {
            assert_eq!(client(&["private"], stranger, &["6.6.6.6"]), stranger);
        }
        assert_eq!(client(&["private", "9.9.9.9"], "9.9.9.9", &["6.6.6.6"]), "6.6.6.6");
        assert!(TrustedProxies::parse(["none"]).unwrap().is_empty());
        assert_eq!(TrustedProxies::parse(["none", "10.0.0.1"]), Err(NotANetwork::NoneAmongOthers));
    }

    #[test]
    fn an_ipv6_network_shares_a_budget() {
        assert_eq!(household(ip("2001:db8::1")), household(ip("2001:db8::ffff:1")));
        assert_ne!(household(ip("2001:db8::1")), household(ip("2001:db8:0:1::1")));
        assert_eq!(household(ip("::ffff:10.0.0.1")), ip("10.0.0.1"));
    }
}
