//! Which push services we push to. A browser's subscription names its own, and whoever writes one down chooses where we send a
//! signed request: only to hosts that an operator knows as push services.

use std::sync::Arc;

use postrider_runtime::ConfigErrors;
use postrider_runtime::config::Env;
use url::{Host, Url};

const NAME: &str = "PUSH_HOSTS";

/// A list of hosts (`PUSH_HOSTS`). Clones share it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushHosts(Arc<[Entry]>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Entry {
    /// This one.
    Host(Host),
    /// Every name that ends with this; begins with a dot.
    Below(String),
}

/// An entry that is no host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is neither a host such as push.example.com nor *.example.com")]
pub struct NoHost(String);

impl PushHosts {
    /// Reads `PUSH_HOSTS`.
    ///
    /// # Errors
    /// An entry that is no host.
    pub fn load(env: &Env) -> Result<Self, ConfigErrors> {
        Self::parse(env.list(NAME)).map_err(|error| env.malformed(NAME, &error.to_string()))
    }

    /// Reads hosts, and `*.` before what a name ends with.
    ///
    /// # Errors
    /// An entry that is no host.
    pub fn parse<T: AsRef<str>>(entries: impl IntoIterator<Item = T>) -> Result<Self, NoHost> {
        entries.into_iter().map(|entry| parse(entry.as_ref())).collect::<Result<_, _>>().map(Self)
    }

    /// Whether pushes go to the host of this URL; the host as it was read, not its text.
    pub fn allow(&self, url: &Url) -> bool {
        let Some(host) = url.host() else { return false };
        self.0.iter().any(|entry| match (entry, &host) {
            (Entry::Host(allowed), _) => allowed == &host,
            (Entry::Below(end), Host::Domain(name)) => name.len() > end.len() && name.ends_with(end.as_str()),
            (Entry::Below(_), Host::Ipv4(_) | Host::Ipv6(_)) => false,
        })
    }
}

fn parse(text: &str) -> Result<Entry, NoHost> {
    let none = || NoHost(text.to_owned());
    // The standard has a star for a letter like any other.
    let host = |text: &str| match Host::parse(text) {
        Ok(host) if !text.contains('*') => Ok(host),
        Ok(_) | Err(_) => Err(none()),
    };
    match text.strip_prefix("*.") {
        None => host(text).map(Entry::Host),
        Some(end) => match host(end)? {
            Host::Domain(name) => Ok(Entry::Below(format!(".{name}"))),
            Host::Ipv4(_) | Host::Ipv6(_) => Err(none()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_as_it_was_read_decides_and_nothing_else_of_the_url() {
        let hosts = PushHosts::load(&Env::from_pairs([("X", "")])).unwrap();
        let allows = |url: &str| hosts.allow(&url.parse().unwrap());
        for url in [
            "https://fcm.googleapis.com/fcm/send/abc",
            "https://FCM.googleapis.com:443/wp/abc",
            "https://updates.push.services.mozilla.com/wpush/v2/abc",
            "https://web.push.apple.com/abc",
            "https://wns2-par02p.notify.windows.com/w/?token=abc",
        ] {
            assert!(allows(url), "{url}");
        }
        for url in [
            "https://example.com/fcm.googleapis.com",
            "https://fcm.googleapis.com@example.com/",
            "https://example.com/?https://fcm.googleapis.com/",
            "https://fcm.googleapis.com.example.com/",
            "https://evilfcm.googleapis.com/",
            "https://x.fcm.googleapis.com/",
            "https://fcm.googleapis.com./",
            "https://push.apple.com/",
            "https://evilpush.apple.com/",
            "https://web.push.apple.com.example.com/",
            "https://127.0.0.1/web.push.apple.com",
            "https://[::1]/",
        ] {
            assert!(!allows(url), "{url}");
        }
    }

    #[test]
    fn addresses_are_hosts_too_and_other_texts_are_none() {
        let hosts = PushHosts::parse(["127.0.0.1", "[::1]", "Push.Example.com"]).unwrap();
        for (url, allowed) in [
            ("http://127.0.0.1:9000/", true),
            ("https://2130706433/", true),
            ("https://[::1]/", true),
            ("https://push.example.com/", true),
            ("https://127.0.0.2/", false),
        ] {
            assert_eq!(hosts.allow(&url.parse().unwrap()), allowed, "{url}");
        }
        assert!(!PushHosts::parse(Vec::<String>::new()).unwrap().allow(&"https://push.example.com/".parse().unwrap()));
        for bad in
            ["", "*", "*.", "*.127.0.0.1", "a/b", "https://push.example.com", "push.example.com:443", "a b", "*.*.a"]
        {
            assert_eq!(PushHosts::parse([bad]), Err(NoHost(bad.to_owned())), "{bad}");
        }
    }
}
