//! Sealing of credentials with Fernet (AES-128-CBC and HMAC-SHA256 in one authenticated token).
//!
//! Several keys, newest first: the first seals, any opens, and what an older one opened says so, so that the owner can
//! seal it again. Adding a key in front is the whole of a key rotation.

use std::fmt;

use fernet::Fernet;
use postrider_domain::Secret;

/// Why the keys cannot be used. Never repeats a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error("no key given: make one with `openssl rand -base64 32 | tr '+/' '-_'`")]
    Empty,
    #[error(
        "key {position} is not 32 bytes in URL-safe base64: make one with `openssl rand -base64 32 | tr '+/' '-_'`"
    )]
    Malformed {
        /// Counted from 1, newest first.
        position: usize,
    },
    #[error("key {position} stands there twice")]
    Twice { position: usize },
}

/// Why a sealed text cannot be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("sealed with a key that is not in ENCRYPTION_KEYS, or altered since")]
pub struct OpenError;

/// What was inside a seal.
#[derive(Debug)]
pub struct Opened {
    pub secret: Secret,
    /// Whether the newest key had sealed it; otherwise seal it again.
    pub by_newest: bool,
}

/// The keys of `ENCRYPTION_KEYS`.
pub struct Sealer {
    newest: Fernet,
    older: Vec<Fernet>,
}

impl Sealer {
    /// Reads keys separated by commas or white space, newest first.
    pub fn parse(keys: &Secret) -> Result<Self, KeyError> {
        let texts: Vec<&str> =
            keys.expose().split(|c: char| c == ',' || c.is_whitespace()).filter(|key| !key.is_empty()).collect();
        let mut fernets = Vec::with_capacity(texts.len());
        for (at, text) in texts.iter().enumerate() {
            let position = at + 1;
            if texts.iter().take(at).any(|earlier| earlier == text) {
                return Err(KeyError::Twice { position });
            }
            fernets.push(Fernet::new(text).ok_or(KeyError::Malformed { position })?);
        }
        let mut fernets = fernets.into_iter();
        let newest = fernets.next().ok_or(KeyError::Empty)?;
        Ok(Self { newest, older: fernets.collect() })
    }

    /// A fresh key, for set-ups that make their own.
    pub fn generate_key() -> Secret {
        Secret::new(Fernet::generate_key())
    }

    /// Seals with the newest key.
    pub fn seal(&self, secret: &Secret) -> String {
        self.newest.encrypt(secret.expose().as_bytes())
    }

    /// Opens with whichever key fits.
    pub fn open(&self, sealed: &str) -> Result<Opened, OpenError> {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).map(Secret::new).map_err(|_not_text| OpenError);
        if let Ok(bytes) = self.newest.decrypt(sealed) {
            return Ok(Opened { secret: text(bytes)?, by_newest: true });
        }
        let bytes = self.older.iter().find_map(|key| key.decrypt(sealed).ok()).ok_or(OpenError)?;
        Ok(Opened { secret: text(bytes)?, by_newest: false })
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealer({} keys)", self.older.len() + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealer(keys: &[&Secret]) -> Sealer {
        let text: Vec<&str> = keys.iter().map(|key| key.expose()).collect();
        Sealer::parse(&Secret::new(text.join(", "))).unwrap()
    }

    #[test]
    fn rotation_opens_old_seals_and_asks_for_new_ones() {
        let (old, new) = (Sealer::generate_key(), Sealer::generate_key());
        let sealed = sealer(&[&old]).seal(&Secret::new("1//refresh"));
        assert!(!sealed.contains("refresh"));
        let both = sealer(&[&new, &old]);
        let opened = both.open(&sealed).unwrap();
        assert_eq!((opened.secret.expose(), opened.by_newest), ("1//refresh", false));
        let again = both.seal(&opened.secret);
        assert!(sealer(&[&new]).open(&again).unwrap().by_newest);
        assert_eq!(sealer(&[&new]).open(&sealed).unwrap_err(), OpenError);
    }

    #[test]
    fn altered_seals_do_not_open() {
        let keys = sealer(&[&Sealer::generate_key()]);
        let sealed = keys.seal(&Secret::new("x"));
        for at in [0, 10, sealed.len() / 2, sealed.len() - 3] {
            let mut bytes = sealed.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            assert!(keys.open(&String::from_utf8(bytes).unwrap()).is_err(), "{at}");
        }
        for junk in ["", "gAAAA", "nonsense é", "\0"] {
            assert!(keys.open(junk).is_err());
        }
    }

    #[test]
    fn bad_keys_are_told_by_place_and_remedy() {
        let good = Sealer::generate_key();
        let parse = |text: String| Sealer::parse(&Secret::new(text)).map(|_| ()).unwrap_err();
        assert_eq!(parse(String::new()), KeyError::Empty);
        assert_eq!(parse(" , ".to_owned()), KeyError::Empty);
        let malformed = parse(format!("{},hunter2", good.expose()));
        assert_eq!(malformed, KeyError::Malformed { position: 2 });
        assert!(malformed.to_string().contains("openssl") && !malformed.to_string().contains("hunter2"));
        assert_eq!(parse(format!("{0} {0}", good.expose())), KeyError::Twice { position: 2 });
        assert!(!format!("{:?}", sealer(&[&good])).contains(good.expose()));
    }
}
