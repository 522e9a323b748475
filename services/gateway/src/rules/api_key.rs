//! API keys: `prk_` and 43 characters, 256 random bits. What is stored is a hash of the whole.

use std::fmt;

use postrider_domain::{Entropy, Secret, token};

/// How a key begins, so that people and secret scanners know one.
const PREFIX: &str = "prk_";
/// Characters of a key behind its prefix.
const CHARACTERS: usize = 43;
/// Characters of a key that are shown in lists: its prefix and 24 of its bits.
const SHOWN: usize = PREFIX.len() + 4;

/// SHA-256 of a key.
pub type KeyHash = [u8; 32];

/// A key as its bearer sends it.
#[derive(Clone)]
pub struct ApiKey(String);

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey")
    }
}

impl ApiKey {
    /// A new one.
    pub fn new(entropy: &dyn Entropy) -> Self {
        Self(format!("{PREFIX}{}", token::random(entropy).expose()))
    }

    /// Reads one; a text that cannot be a key is none, and needs no look into the database.
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix(PREFIX)?;
        let known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        (rest.len() == CHARACTERS && rest.bytes().all(known)).then(|| Self(text.to_owned()))
    }

    /// What is stored of it.
    pub fn hash(&self) -> KeyHash {
        token::digest(&self.0)
    }

    /// How it begins.
    pub fn hint(&self) -> &str {
        self.0.get(..SHOWN).unwrap_or(PREFIX)
    }

    /// The whole of it, to be shown once.
    pub fn into_secret(self) -> Secret {
        Secret::new(self.0)
    }
}

/// Whether a bearer token is meant to be a key: nothing else begins like one.
pub fn is_meant(token: &str) -> bool {
    token.starts_with(PREFIX)
}

#[cfg(test)]
mod tests {
    use postrider_domain::{Clock, MockClock, Seams};
    use std::sync::Arc;

    use super::*;

    #[test]
    fn a_new_key_reads_back_and_another_one_differs() {
        let clock: Arc<dyn Clock> = Arc::new(MockClock::default());
        let seams = Seams::seeded(clock, 7);
        let (one, two) = (ApiKey::new(seams.entropy.as_ref()), ApiKey::new(seams.entropy.as_ref()));
        assert_ne!(one.hash(), two.hash());
        assert_eq!(one.hint().len(), SHOWN);
        let text = one.clone().into_secret();
        assert_eq!(ApiKey::parse(text.expose()).unwrap().hash(), one.hash());
        assert!(is_meant(text.expose()) && !format!("{one:?}").contains(text.expose()));
    }

    #[test]
    fn what_cannot_be_a_key_is_none() {
        let good = format!("prk_{}", "a".repeat(43));
        assert!(ApiKey::parse(&good).is_some());
        for bad in [
            "",
            "prk_",
            "a.b.c",
            &good.replace("aaaa", ""),
            &format!("{good}a"),
            &good.replace('a', "."),
            &good.to_uppercase(),
        ] {
            assert!(ApiKey::parse(bad).is_none(), "{bad}");
        }
    }
}
