//! Keyset pages: a cursor is the sort key of the last row, opaque to the client.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A cursor that was not made by this service. Answers 422.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor of this list")]
pub struct CursorError;

/// Longest accepted cursor, in characters.
const MAX_LEN: usize = 1_024;

/// Writes a sort key as an opaque cursor.
pub fn encode<K: Serialize>(key: &K) -> Result<String, CursorError> {
    serde_json::to_vec(key).map(|json| URL_SAFE_NO_PAD.encode(json)).map_err(|_| CursorError)
}

/// Reads a cursor back.
pub fn decode<K: DeserializeOwned>(cursor: &str) -> Result<K, CursorError> {
    if cursor.len() > MAX_LEN {
        return Err(CursorError);
    }
    let json = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| CursorError)?;
    serde_json::from_slice(&json).map_err(|_| CursorError)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_wrote_and_refuses_the_rest() {
        let key = (17_i64, "id".to_owned());
        assert_eq!(decode::<(i64, String)>(&encode(&key).unwrap()).unwrap(), key);
        for bad in ["", "!", "e30", &"a".repeat(2_000)] {
            assert!(decode::<(i64, String)>(bad).is_err());
        }
    }
}
