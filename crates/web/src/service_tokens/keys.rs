//! `INTERNAL_KEYS`: one key for each caller and callee.

use std::collections::HashMap;
use std::fmt;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use postrider_runtime::ConfigErrors;
use postrider_runtime::config::{Env, InternalKeyText};

/// HS256 keys below this are weaker than the hash (RFC 7518 §3.2).
const SHORTEST: usize = 32;
const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);

/// The keys a process knows. `Debug` shows the pairs only.
#[derive(Clone, Default)]
pub struct InternalKeys(HashMap<(String, String), Vec<Vec<u8>>>);

/// What is wrong with `INTERNAL_KEYS`. Never shows a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error("entry {0} is not caller>callee:base64")]
    Form(usize),
    #[error("the key of {0} is not base64")]
    Base64(String),
    #[error("the key of {0} is shorter than 32 bytes")]
    Short(String),
}

impl InternalKeys {
    /// Reads `caller>callee:base64` entries separated by commas. A pair may stand several times while its key is
    /// changed: the first one signs, all of them verify.
    ///
    /// # Errors
    /// Names the entry or pair that is wrong.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let mut keys: HashMap<(String, String), Vec<Vec<u8>>> = HashMap::new();
        let entries = text.split(',').map(str::trim).enumerate().filter(|(_, entry)| !entry.is_empty());
        for (index, entry) in entries {
            let form = || KeyError::Form(index + 1);
            let (pair, key) = entry.split_once(':').ok_or_else(form)?;
            let (caller, callee) = pair.split_once('>').ok_or_else(form)?;
            if caller.is_empty() || callee.is_empty() {
                return Err(form());
            }
            let key = decode(key.trim()).ok_or_else(|| KeyError::Base64(pair.to_owned()))?;
            if key.len() < SHORTEST {
                return Err(KeyError::Short(pair.to_owned()));
            }
            keys.entry((caller.trim().to_owned(), callee.trim().to_owned())).or_default().push(key);
        }
        Ok(Self(keys))
    }

    /// Reads the `INTERNAL_KEYS` setting.
    ///
    /// # Errors
    /// Not set or malformed.
    pub fn load(env: &Env) -> Result<Self, ConfigErrors> {
        let text = InternalKeyText::load(env)?;
        Self::parse(text.0.expose()).map_err(|error| env.malformed("INTERNAL_KEYS", &error.to_string()))
    }

    /// The same, with a key for each of these pairs (caller, callee): the tokens the service issues and those it takes.
    /// Without one, every request between the two would fail later and with a less telling error.
    ///
    /// # Errors
    /// Not set, malformed, or a pair is not in it.
    pub fn load_pairs(env: &Env, pairs: &[(&str, &str)]) -> Result<Self, ConfigErrors> {
        let keys = Self::load(env)?;
        let absent = pairs.iter().filter(|(caller, callee)| keys.of(caller, callee).is_empty());
        let absent: Vec<String> = absent.map(|(caller, callee)| format!("{caller}>{callee}")).collect();
        if absent.is_empty() {
            return Ok(keys);
        }
        let problem = format!("has no key for {}", absent.join(", "));
        let remedy =
            "Add an entry caller>callee:key for each, the key from `openssl rand -base64 32`, to both services";
        Err(ConfigErrors::one("INTERNAL_KEYS", problem, remedy))
    }

    /// Keys for another purpose, made of a pair's; those themselves never leave. The one to sign with comes first.
    pub fn derive<T>(&self, caller: &str, callee: &str, make: impl Fn(&[u8]) -> T) -> Vec<T> {
        self.of(caller, callee).iter().map(|key| make(key)).collect()
    }

    /// The keys of a pair, the one that signs first.
    pub(super) fn of(&self, caller: &str, callee: &str) -> &[Vec<u8>] {
        self.0.get(&(caller.to_owned(), callee.to_owned())).map(Vec::as_slice).unwrap_or_default()
    }
}

/// Standard or URL-safe base64, padded or not.
fn decode(text: &str) -> Option<Vec<u8>> {
    let standard = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
    let url_safe = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);
    standard.decode(text).or_else(|_| url_safe.decode(text)).ok()
}

impl fmt::Debug for InternalKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut pairs: Vec<String> = self.0.keys().map(|(caller, callee)| format!("{caller}>{callee}")).collect();
        pairs.sort();
        f.debug_tuple("InternalKeys").field(&pairs).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";

    #[test]
    fn pairs_are_read_and_never_shown() {
        let keys = InternalKeys::parse(&format!("gateway>connector:{KEY}, a>b:{KEY},")).unwrap();
        assert_eq!(keys.of("gateway", "connector").len(), 1);
        assert!(keys.of("connector", "gateway").is_empty());
        let debug = format!("{keys:?}");
        assert!(debug.contains("gateway>connector") && !debug.contains("MDEy") && !debug.contains("48, 49"), "{debug}");
    }

    #[test]
    fn a_pair_that_is_needed_and_absent_stops_the_start() {
        let load = |pairs: &[(&str, &str)]| {
            let text = format!("a>b:{KEY},b>c:{KEY}");
            InternalKeys::load_pairs(&Env::from_pairs([("INTERNAL_KEYS", text)]), pairs).map_err(|e| e.to_string())
        };
        assert!(load(&[("a", "b"), ("b", "c")]).is_ok());
        let error = load(&[("a", "b"), ("a", "c"), ("c", "b")]).unwrap_err();
        assert!(error.contains("no key for a>c, c>b") && error.contains("openssl rand"), "{error}");
        assert!(!error.contains("MDEy"), "{error}");
    }

    #[test]
    fn errors_name_the_place_and_not_the_key() {
        assert_eq!(InternalKeys::parse("nothing").unwrap_err(), KeyError::Form(1));
        assert_eq!(InternalKeys::parse(&format!("a>b:{KEY},c:{KEY}")).unwrap_err(), KeyError::Form(2));
        assert_eq!(InternalKeys::parse("a>b:!!!").unwrap_err(), KeyError::Base64("a>b".to_owned()));
        assert_eq!(InternalKeys::parse("a>b:c2hvcnQ=").unwrap_err(), KeyError::Short("a>b".to_owned()));
    }
}
