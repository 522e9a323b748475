//! E-mail addresses, parsed once. Identity is Google's `sub`; an address is an attribute used to look accounts up.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An address with exactly one mailbox, kept as given, compared by its lower-case form.
#[derive(Debug, Clone, Serialize)]
#[serde(transparent)]
pub struct EmailAddress(String);

/// Why a text is not an address. The text itself is never repeated: addresses are logged at debug only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    #[error("an address has the form name@domain")]
    Shape,
    #[error("an address is at most 320 characters")]
    Length,
    #[error("the domain of the address is not valid")]
    Domain,
}

impl EmailAddress {
    /// Longest accepted address: 64 for the local part, `@`, 255 for the domain (RFC 5321 §4.5.3.1).
    pub const MAX_LEN: usize = 320;

    /// Parses `name@domain`; surrounding white space is dropped.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let text = text.trim();
        if text.len() > Self::MAX_LEN {
            return Err(AddressError::Length);
        }
        let (local, domain) = text.rsplit_once('@').ok_or(AddressError::Shape)?;
        let odd = |c: char| c.is_control() || c.is_whitespace() || matches!(c, '<' | '>' | ',' | ';');
        if local.is_empty() || domain.is_empty() || local.contains(odd) || domain.contains(odd) {
            return Err(AddressError::Shape);
        }
        idna::domain_to_ascii(domain).map_err(|_invalid| AddressError::Domain)?;
        Ok(Self(text.to_owned()))
    }

    /// The address as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form used for look-ups: lower case, domain in ASCII. Dots and plus-tags stay: they are Google's business.
    pub fn lookup_key(&self) -> String {
        match self.0.rsplit_once('@') {
            Some((local, domain)) => {
                let domain = idna::domain_to_ascii(domain).unwrap_or_else(|_| domain.to_lowercase());
                format!("{}@{}", local.to_lowercase(), domain)
            }
            None => self.0.to_lowercase(),
        }
    }
}

impl PartialEq for EmailAddress {
    fn eq(&self, other: &Self) -> bool {
        self.lookup_key() == other.lookup_key()
    }
}

impl Eq for EmailAddress {}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for EmailAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl<'de> Deserialize<'de> for EmailAddress {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_up_by_lower_case_and_ascii_domain() {
        let address = EmailAddress::parse(" User.Name+tag@MÜNCHEN.example ").unwrap();
        assert_eq!(address.lookup_key(), "user.name+tag@xn--mnchen-3ya.example");
    }

    #[test]
    fn refuses_what_is_not_one_address() {
        for bad in ["", "a", "@b", "a@", "a b@c.de", "<a@b.c>", "a@b.c,d@e.f", "a@b\0.c"] {
            assert!(EmailAddress::parse(bad).is_err(), "{bad:?}");
        }
    }
}
