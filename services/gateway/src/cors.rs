//! CORS for everything that comes through the gateway, Socket.IO and the event stream included: the services' own
//! `Access-Control-*` headers are dropped, so that there is one place that decides.
//!
//! `CORS_ALLOWED_ORIGINS` lists origins, or is `*`. Tokens travel in `Authorization`, never in cookies, except the
//! short-lived start cookie of the sign-in, which only plain navigation needs: credentials are never allowed.

/// Request headers a page may send.
pub const ALLOW_HEADERS: &str = "Authorization, Content-Type, Idempotency-Key, Last-Event-ID, X-Account-ID, \
                                 X-Request-ID, X-Tenant-ID, X-User-ID, traceparent";
/// Response headers a page may read.
pub const EXPOSE_HEADERS: &str = "Content-Disposition, Location, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, \
                                  Retry-After, X-Request-ID";
/// How long a browser may remember a preflight, in seconds.
pub const MAX_AGE: &str = "600";

/// The origins that may read answers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AllowedOrigins {
    any: bool,
    origins: Vec<String>,
}

/// An entry that is no origin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an origin such as https://app.example.com")]
pub struct NotAnOrigin(pub String);

impl AllowedOrigins {
    /// Reads a comma-separated list; empty allows none.
    pub fn parse(list: &str) -> Result<Self, NotAnOrigin> {
        let entries = list.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        let mut allowed = Self::default();
        for entry in entries {
            match entry {
                "*" => allowed.any = true,
                _ => allowed.origins.push(origin(entry)?),
            }
        }
        Ok(allowed)
    }

    /// What `Access-Control-Allow-Origin` answers to this origin; none when it may not read.
    pub fn answer(&self, origin: &str) -> Option<String> {
        if self.any {
            return Some("*".to_owned());
        }
        self.origins.iter().find(|allowed| allowed.eq_ignore_ascii_case(origin)).cloned()
    }

    /// True when no page elsewhere may read anything.
    pub fn is_empty(&self) -> bool {
        !self.any && self.origins.is_empty()
    }
}

fn origin(entry: &str) -> Result<String, NotAnOrigin> {
    let wrong = || NotAnOrigin(entry.to_owned());
    let url = url::Url::parse(entry).map_err(|_not_a_url| wrong())?;
    let plain = matches!(url.scheme(), "http" | "https") && url.path() == "/" && url.query().is_none();
    let origin = url.origin().ascii_serialization();
    if plain && url.username().is_empty() && !entry.ends_with('/') { Ok(origin) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_allowed_unless_named() {
        let none = AllowedOrigins::parse("").unwrap();
        assert!(none.is_empty() && none.answer("https://evil.example").is_none());
        let some = AllowedOrigins::parse("https://app.example.com, http://localhost:3000").unwrap();
        assert_eq!(some.answer("https://app.example.com").as_deref(), Some("https://app.example.com"));
        assert_eq!(some.answer("http://localhost:3000").as_deref(), Some("http://localhost:3000"));
        for other in ["https://app.example.com.evil.example", "http://app.example.com", "http://localhost", "null"] {
            assert_eq!(some.answer(other), None, "{other}");
        }
        assert_eq!(AllowedOrigins::parse("*").unwrap().answer("https://a.example").as_deref(), Some("*"));
    }

    #[test]
    fn entries_that_are_no_origins_stop_the_start() {
        for bad in
            ["app.example.com", "https://a.example/path", "https://a.example/", "ftp://a.example", "https://u@a.b"]
        {
            assert!(AllowedOrigins::parse(bad).is_err(), "{bad}");
        }
    }
}
