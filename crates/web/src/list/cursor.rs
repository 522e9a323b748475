//! The `cursor` parameter: the sort key of a page's last row, opaque to the client.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize};

use crate::problem::Problem;

/// Longest accepted cursor, in characters.
const LONGEST: usize = 1_024;

/// The place behind a row, by the key the list is sorted by. As a member of a query, a text that is no cursor of such a
/// list is refused with 422.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor<K>(pub K);

impl<K: Serialize> Cursor<K> {
    /// The text for the client.
    ///
    /// # Errors
    /// A key that cannot be written as JSON, which a sort key can.
    pub fn encode(&self) -> Result<String, Problem> {
        serde_json::to_vec(&self.0).map(|json| URL_SAFE_NO_PAD.encode(json)).map_err(Problem::unexpected)
    }
}

impl<K: DeserializeOwned> Cursor<K> {
    pub(super) fn decode(text: &str) -> Option<Self> {
        let json = URL_SAFE_NO_PAD.decode(text).ok().filter(|_| text.len() <= LONGEST)?;
        serde_json::from_slice(&json).ok().map(Self)
    }
}

impl<'de, K: DeserializeOwned> Deserialize<'de> for Cursor<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::decode(&text).ok_or_else(|| D::Error::custom("is not a cursor of this list"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_wrote_and_refuses_the_rest() {
        let key = (17_i64, "id".to_owned());
        let text = Cursor(&key).encode().unwrap();
        assert_eq!(Cursor::<(i64, String)>::decode(&text), Some(Cursor(key)));
        for bad in ["", "!", "e30", &"a".repeat(2_000)] {
            assert_eq!(Cursor::<(i64, String)>::decode(bad), None);
        }
        let error = serde_json::from_str::<Cursor<i64>>(r#""e30""#).unwrap_err();
        assert_eq!(error.to_string(), "is not a cursor of this list");
    }
}
