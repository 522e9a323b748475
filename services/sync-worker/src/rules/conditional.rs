//! Whether a client holds what it asks for already (RFC 9110 §13).

/// `If-None-Match`: whether one of its tags is this one, or any will do. Weak tags are compared by what they name.
pub fn holds(header: &str, etag: &str) -> bool {
    header.split(',').map(str::trim).any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}

/// `If-Range`: whether the part asked for is one of what is here. A date never is: only tags are certain.
pub fn is_part_of(header: Option<&str>, etag: &str) -> bool {
    header.is_none_or(|tag| tag.trim() == etag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_compared() {
        for (header, held) in [
            ("\"a\"", true),
            ("W/\"a\"", true),
            ("\"b\", \"a\"", true),
            ("*", true),
            ("\"b\"", false),
            ("a", false),
            ("", false),
        ] {
            assert_eq!(holds(header, "\"a\""), held, "{header}");
        }
        assert!(is_part_of(None, "\"a\"") && is_part_of(Some("\"a\""), "\"a\""));
        assert!(!is_part_of(Some("W/\"a\""), "\"a\"") && !is_part_of(Some("Sun, 29 Nov 2026 09:00:00 GMT"), "\"a\""));
    }
}
