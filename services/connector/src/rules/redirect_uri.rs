//! Which `redirect_uri` an authorisation code may have been issued for.

use url::Url;

/// Google's word for a code that was handed over by JavaScript in a pop-up.
const POSTMESSAGE: &str = "postmessage";

/// The redirect URI to exchange a code with: ours when none is named. `None` for anything but ours or `postmessage`:
/// a code issued for somebody else's page is not ours to use.
pub fn accepted<'a>(asked: Option<&'a str>, ours: &'a str) -> Option<&'a str> {
    match asked {
        None => Some(ours),
        Some(uri) if uri == ours || uri == POSTMESSAGE => Some(uri),
        Some(_) => None,
    }
}

/// Whether it is an address that a program on the person's own machine listens at (RFC 8252 §7.3): plain http, a loopback
/// address, any port, nothing behind it.
pub fn is_loopback(uri: &str) -> bool {
    let Ok(url) = Url::parse(uri) else { return false };
    let host = matches!(url.host_str(), Some("127.0.0.1" | "[::1]" | "localhost"));
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    host && bare && url.scheme() == "http" && url.port().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ours_and_postmessage() {
        let ours = "https://p.example/gmail/auth/callback";
        assert_eq!(accepted(None, ours), Some(ours));
        assert_eq!(accepted(Some(ours), ours), Some(ours));
        assert_eq!(accepted(Some("postmessage"), ours), Some("postmessage"));
        for bad in ["", "https://p.example/gmail/auth/callback/", "https://evil.example/", "http://localhost"] {
            assert_eq!(accepted(Some(bad), ours), None, "{bad}");
        }
    }

    #[test]
    fn a_loopback_address_is_this_machines_and_nothing_else() {
        for good in ["http://127.0.0.1:40123/", "http://127.0.0.1:40123", "http://[::1]:9/", "http://localhost:8085"] {
            assert!(is_loopback(good), "{good}");
        }
        for bad in [
            "http://127.0.0.1/",
            "https://127.0.0.1:1/",
            "http://127.0.0.2:1/",
            "http://127.0.0.1.evil.example:1/",
            "http://localhost@evil.example:1/",
            "http://a@localhost:1/",
            "http://localhost:1/back?to=evil",
            "http://localhost:1/#x",
            "urn:ietf:wg:oauth:2.0:oob",
            "",
        ] {
            assert!(!is_loopback(bad), "{bad}");
        }
    }
}
