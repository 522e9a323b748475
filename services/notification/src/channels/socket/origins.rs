//! `CORS_ALLOWED_ORIGINS`: pages that may open a socket by long polling. The same rules as at the gateway: a list of
//! origins, or `*`; nobody unless named; never credentials, because tokens travel in the handshake and not in cookies.

use http::{HeaderName, HeaderValue, Method};
use tower_http::cors::{AllowOrigin, CorsLayer};
use url::Url;

/// The origins that may read answers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Origins {
    any: bool,
    named: Vec<HeaderValue>,
}

/// An entry that is no origin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is neither * nor an origin such as https://app.example.com (no path, no slash at the end)")]
pub struct NotAnOrigin(pub String);

impl Origins {
    /// Reads the entries of the list; none allows none.
    ///
    /// # Errors
    /// The entry that is no origin.
    pub fn parse<T: AsRef<str>>(entries: &[T]) -> Result<Self, NotAnOrigin> {
        let mut origins = Self::default();
        for entry in entries {
            match entry.as_ref() {
                "*" => origins.any = true,
                entry => origins.named.push(origin(entry)?),
            }
        }
        Ok(origins)
    }

    /// The layer that answers browsers. `*` is not a member of its list: tower-http panics on that.
    pub fn layer(&self) -> CorsLayer {
        let allowed = if self.any { AllowOrigin::any() } else { AllowOrigin::list(self.named.clone()) };
        CorsLayer::new()
            .allow_origin(allowed)
            .allow_methods([Method::GET, Method::POST])
            .allow_headers([HeaderName::from_static("content-type"), HeaderName::from_static("authorization")])
    }
}

fn origin(entry: &str) -> Result<HeaderValue, NotAnOrigin> {
    let wrong = || NotAnOrigin(entry.to_owned());
    let url = Url::parse(entry).map_err(|_not_a_url| wrong())?;
    let plain = matches!(url.scheme(), "http" | "https") && url.path() == "/" && url.query().is_none();
    if !plain || !url.username().is_empty() || entry.ends_with('/') {
        return Err(wrong());
    }
    HeaderValue::from_str(&url.origin().ascii_serialization()).map_err(|_not_a_header| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_a_list_or_none() {
        assert_eq!(Origins::parse::<&str>(&[]), Ok(Origins::default()));
        let named = Origins::parse(&["https://App.example.com", "http://localhost:3000"]).unwrap();
        assert_eq!(named.named, ["https://app.example.com", "http://localhost:3000"]);
        for origins in [Origins::parse(&["*"]).unwrap(), Origins::parse(&["https://a.example", "*"]).unwrap(), named] {
            let _must_not_panic = origins.layer();
        }
    }

    #[test]
    fn entries_that_are_no_origins_are_named() {
        for bad in [
            "app.example.com",
            "https://a.example/path",
            "https://a.example/",
            "ftp://a.example",
            "https://u@a.b",
            "**",
        ] {
            assert_eq!(Origins::parse(&[bad]), Err(NotAnOrigin(bad.to_owned())));
        }
    }
}
