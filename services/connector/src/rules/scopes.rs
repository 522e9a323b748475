//! Which of Google's scopes a grant must hold. The user may untick any of them on Google's page, so the
//! answer of the token endpoint is compared, not what was asked for.

use postrider_google_auth::oauth::{GMAIL_READONLY, Scopes};

/// What reading a mailbox needs. Identity needs none: without `openid` or `email` Gmail's profile names the address.
pub const REQUIRED: [&str; 1] = [GMAIL_READONLY];

/// The required scopes that are not granted; empty when the grant will do. A stronger mail scope covers reading.
pub fn missing(granted: &Scopes) -> Vec<&'static str> {
    granted.missing(REQUIRED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_is_needed_and_identity_is_not() {
        assert!(missing(&Scopes::parse("https://mail.google.com/")).is_empty());
        for text in ["", "openid email", "https://www.googleapis.com/auth/gmail.metadata", "gmail.readonly"] {
            assert_eq!(missing(&Scopes::parse(text)), REQUIRED, "{text}");
        }
    }
}
