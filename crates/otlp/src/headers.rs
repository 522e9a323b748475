//! Headers of each request to a collector, as `OTEL_EXPORTER_OTLP_HEADERS` has them: `name=value`, several parted by commas,
//! values percent-encoded (<https://opentelemetry.io/docs/specs/otel/protocol/exporter/>). They hold the key that a collector
//! asks for.

use std::fmt;

use percent_encoding::percent_decode_str;
use postrider_domain::Secret;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

/// The headers. Their values are never shown.
#[derive(Clone, Default)]
pub struct Headers(HeaderMap);

/// Which of them is none; what it says instead may be a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("its part {0} is not name=value")]
pub struct NotHeaders(usize);

impl Headers {
    /// Reads the setting. Empty parts are passed over.
    ///
    /// # Errors
    /// A part is no header.
    pub fn parse(text: &Secret) -> Result<Self, NotHeaders> {
        let mut headers = HeaderMap::new();
        for (place, part) in text.expose().split(',').enumerate().map(|(place, part)| (place + 1, part.trim())) {
            if part.is_empty() {
                continue;
            }
            let (name, value) = header(part).ok_or(NotHeaders(place))?;
            headers.insert(name, value);
        }
        Ok(Self(headers))
    }

    pub(crate) fn into_map(self) -> HeaderMap {
        self.0
    }
}

fn header(part: &str) -> Option<(HeaderName, HeaderValue)> {
    let (name, value) = part.split_once('=')?;
    let value: Vec<u8> = percent_decode_str(value.trim()).collect();
    let mut value = HeaderValue::from_bytes(&value).ok()?;
    value.set_sensitive(true);
    Some((name.trim().parse().ok()?, value))
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Headers").field(&self.0.keys().collect::<Vec<_>>()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Headers, NotHeaders> {
        Headers::parse(&Secret::new(text))
    }

    #[test]
    fn headers_are_read_as_the_specification_writes_them() {
        let headers = parse("Authorization=Bearer%20abc==, x-team = mail ,").unwrap().into_map();
        assert_eq!(headers.len(), 2);
        assert_eq!(headers["authorization"], "Bearer abc==");
        assert_eq!(headers["x-team"], "mail");
        assert!(parse("").unwrap().into_map().is_empty());
    }

    #[test]
    fn what_is_no_header_is_told_by_its_place_and_nothing_is_shown() {
        for wrong in ["a=b,hunter2", "a=b,hunter 2=x", "a=b,x=hunter2%0a"] {
            let error = parse(wrong).unwrap_err();
            assert_eq!(error, NotHeaders(2), "{wrong}");
            assert!(!error.to_string().contains("hunter"), "{error}");
        }
        let headers = parse("authorization=hunter2").unwrap();
        let shown = format!("{headers:?} {:?}", headers.clone().into_map());
        assert!(shown.contains("authorization") && !shown.contains("hunter2"), "{shown}");
    }
}
