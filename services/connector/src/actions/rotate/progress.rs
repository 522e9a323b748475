//! How far a change of keys has come.

use std::ops::AddAssign;

use super::Seal;

/// What is sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Credentials,
    GrantEndings,
    Consents,
    KeptCodes,
}

impl Kind {
    /// For people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Credentials => "tokens of connectors",
            Self::GrantEndings => "grants to be given back",
            Self::Consents => "consents under way",
            Self::KeptCodes => "answers to codes",
        }
    }
}

/// Sealed texts by what was found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub sealed_again: u64,
    /// By the newest key already.
    pub newest: u64,
    /// No key of `ENCRYPTION_KEYS` opens them.
    pub unopened: u64,
}

impl Counts {
    pub(super) fn note(&mut self, seal: &Seal) {
        match seal {
            Seal::Fresh(_) => self.sealed_again += 1,
            Seal::Newest => self.newest += 1,
            Seal::Unopened => self.unopened += 1,
        }
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, more: Self) {
        self.sealed_again += more.sealed_again;
        self.newest += more.newest;
        self.unopened += more.unopened;
    }
}
