//! The form of a PKCE verifier. Google answers a malformed one with `invalid_request`, which does not name the member.

/// Whether a text is 43 to 128 unreserved characters (RFC 7636 §4.1).
pub fn is_valid(text: &str) -> bool {
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    (43..=128).contains(&text.len()) && text.bytes().all(unreserved)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        for length in [43, 128] {
            assert!(is_valid(&"a".repeat(length)), "{length}");
        }
        assert!(is_valid(&"aZ09-._~".repeat(6)));
        for length in [0, 42, 129] {
            assert!(!is_valid(&"a".repeat(length)), "{length}");
        }
        for bad in [" ", "+", "/", "=", "%", "\u{0}", "ä"] {
            assert!(!is_valid(&format!("{}{bad}", "a".repeat(60))), "{bad:?}");
        }
    }
}
