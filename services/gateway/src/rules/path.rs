//! Which spellings of a path count.

/// Whether every URL parser reads a raw (still percent-encoded) path alike: one with dot segments, backslashes or empty
/// segments could become another one on its way to the service, and is no path of ours.
pub fn is_plain(path: &str) -> bool {
    path.strip_prefix('/').is_some_and(|rest| rest.split('/').all(is_plain_segment))
}

fn is_plain_segment(segment: &str) -> bool {
    let odd = |byte: u8| !byte.is_ascii_graphic() || matches!(byte, b'\\' | b'"' | b'<' | b'>' | b'`' | b'#' | b'?');
    let dots = segment.to_ascii_lowercase().replace("%2e", ".");
    !segment.is_empty() && !segment.bytes().any(odd) && !matches!(dots.as_str(), "." | "..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_a_url_parser_would_rewrite_are_not_plain() {
        for path in ["/api/v1/emails", "/api/v1/emails/a%2Fb/raw", "/.well-known", "/a...b", "/%41"] {
            assert!(is_plain(path), "{path}");
        }
        for path in [
            "/api/v1/emails/../../internal/events",
            "/api/v1/emails/%2e%2E/raw",
            "/api/v1/emails/./raw",
            "/api/v1/emails/\\..\\raw",
            "/api/v1/emails//raw",
            "/api/v1/emails/",
            "//api/v1/emails",
            "/a b",
            "",
            "/",
            "api/v1/emails",
        ] {
            assert!(!is_plain(path), "{path}");
        }
    }
}
