//! What a token allows.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::codes;
use crate::problem::Problem;

/// One scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    Read,
    Write,
    /// Everything of the user; includes read and write.
    Admin,
    /// May act for any user of the tenant.
    TenantAdmin,
}

impl Scope {
    /// As tokens write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
            Self::TenantAdmin => "tenant:admin",
        }
    }
}

impl FromStr for Scope {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Read, Self::Write, Self::Admin, Self::TenantAdmin].into_iter().find(|s| s.as_str() == text).ok_or(())
    }
}

/// A set of scopes, on the wire a text with spaces.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scopes(BTreeSet<Scope>);

impl Scopes {
    /// What a token without a `scope` claim allows.
    pub fn read_write() -> Self {
        Self([Scope::Read, Scope::Write].into())
    }

    /// The scopes in a text. Words that are not ours mean nothing to us and are left out.
    pub fn parse(text: &str) -> Self {
        Self(text.split_ascii_whitespace().filter_map(|word| word.parse().ok()).collect())
    }

    /// True if nothing is allowed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// True if the token allows it.
    pub fn allows(&self, scope: Scope) -> bool {
        let implied = matches!(scope, Scope::Read | Scope::Write) && self.0.contains(&Scope::Admin);
        implied || self.0.contains(&scope)
    }

    /// 403 unless the token allows it.
    ///
    /// # Errors
    /// `insufficient_scope`.
    pub fn require(&self, scope: Scope) -> Result<(), Problem> {
        if self.allows(scope) {
            return Ok(());
        }
        Err(Problem::forbidden()
            .with_code(codes::INSUFFICIENT_SCOPE)
            .with_detail(format!("The token lacks the scope {}.", scope.as_str())))
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().collect())
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<&str> = self.0.iter().map(|scope| scope.as_str()).collect();
        f.write_str(&words.join(" "))
    }
}

impl Serialize for Scopes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Scopes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self::parse(&text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn admin_includes_read_and_write_but_not_the_tenant() {
        let admin = Scopes::parse("admin");
        assert!(admin.allows(Scope::Read) && admin.allows(Scope::Write) && !admin.allows(Scope::TenantAdmin));
        assert!(!Scopes::parse("tenant:admin").allows(Scope::Write));
    }

    #[test]
    fn unknown_words_allow_nothing() {
        let scopes = Scopes::parse("everything READ");
        assert!(!scopes.allows(Scope::Read));
        assert_eq!(scopes.require(Scope::Read).unwrap_err().code, codes::INSUFFICIENT_SCOPE);
        assert_eq!(Scopes::parse("write  read nonsense").to_string(), "read write");
    }
}
