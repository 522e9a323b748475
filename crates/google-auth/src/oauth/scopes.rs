//! Scopes as granted. Consent is granular: what was asked for may not be what was granted, because the user
//! may untick any of them.

use std::collections::BTreeSet;
use std::fmt;

/// The one scope Postrider needs.
pub const GMAIL_READONLY: &str = "https://www.googleapis.com/auth/gmail.readonly";
const GMAIL_MODIFY: &str = "https://www.googleapis.com/auth/gmail.modify";
const GMAIL_FULL: &str = "https://mail.google.com/";
const USERINFO: &str = "https://www.googleapis.com/auth/userinfo.";

/// A set of scopes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scopes(BTreeSet<String>);

impl Scopes {
    /// Reads a space-separated list, as in `GOOGLE_SCOPES` and token answers.
    pub fn parse(text: &str) -> Self {
        text.split_whitespace().collect()
    }

    /// Whether what is granted covers `scope`: a stronger mail scope covers a weaker one, and Google answers `email`
    /// and `profile` under longer names.
    pub fn covers(&self, scope: &str) -> bool {
        let has = |wanted: &str| self.0.contains(wanted);
        has(scope)
            || match scope {
                GMAIL_READONLY => has(GMAIL_MODIFY) || has(GMAIL_FULL),
                GMAIL_MODIFY => has(GMAIL_FULL),
                "email" | "profile" => has(&format!("{USERINFO}{scope}")),
                _ => scope.strip_prefix(USERINFO).is_some_and(has),
            }
    }

    /// Those of `required` that are not covered.
    pub fn missing<'a>(&self, required: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
        required.into_iter().filter(|scope| !self.covers(scope)).collect()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The scopes, in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl<'a> FromIterator<&'a str> for Scopes {
    fn from_iter<T: IntoIterator<Item = &'a str>>(scopes: T) -> Self {
        Self(scopes.into_iter().map(str::to_owned).collect())
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.iter().collect::<Vec<_>>().join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stronger_mail_scopes_cover_reading() {
        for granted in [GMAIL_READONLY, GMAIL_MODIFY, GMAIL_FULL] {
            assert!(Scopes::parse(&format!("openid {granted}")).covers(GMAIL_READONLY), "{granted}");
        }
        let metadata = Scopes::parse("https://www.googleapis.com/auth/gmail.metadata openid");
        assert_eq!(metadata.missing([GMAIL_READONLY, "openid"]), [GMAIL_READONLY]);
        assert!(!Scopes::parse(GMAIL_READONLY).covers(GMAIL_MODIFY));
        assert!(Scopes::default().is_empty());
    }

    #[test]
    fn email_has_two_names() {
        let long = Scopes::parse("https://www.googleapis.com/auth/userinfo.email");
        assert!(long.covers("email") && !long.covers("profile"));
        assert!(Scopes::parse("email").covers("https://www.googleapis.com/auth/userinfo.email"));
        assert_eq!(Scopes::parse(" b  a b ").to_string(), "a b");
    }
}
