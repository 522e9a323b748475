//! A set of Google's public keys.

use std::collections::HashMap;
use std::sync::Arc;

use jsonwebtoken::DecodingKey;
use serde::Deserialize;

/// RSA keys for RS256 by their key id. Others in the set are left out: nothing else is ever accepted.
#[derive(Clone, Default)]
pub(super) struct KeySet(HashMap<String, Arc<DecodingKey>>);

#[derive(Deserialize)]
struct Document {
    keys: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct Key {
    kty: String,
    kid: String,
    n: String,
    e: String,
    #[serde(default)]
    alg: Option<String>,
    #[serde(default, rename = "use")]
    usage: Option<String>,
}

impl KeySet {
    /// Reads a JWKS document; a key that cannot be read spoils only itself. None if nothing usable is in it.
    pub(super) fn read(document: &[u8]) -> Option<Self> {
        let document: Document = serde_json::from_slice(document).ok()?;
        let keys: HashMap<_, _> = document.keys.into_iter().filter_map(key).collect();
        (!keys.is_empty()).then_some(Self(keys))
    }

    pub(super) fn get(&self, kid: &str) -> Option<Arc<DecodingKey>> {
        self.0.get(kid).cloned()
    }
}

fn key(json: serde_json::Value) -> Option<(String, Arc<DecodingKey>)> {
    let key: Key = serde_json::from_value(json).ok()?;
    let fits = key.kty == "RSA"
        && key.alg.as_deref().is_none_or(|alg| alg == "RS256")
        && key.usage.as_deref().is_none_or(|usage| usage == "sig");
    let decoding = DecodingKey::from_rsa_components(&key.n, &key.e).ok()?;
    fits.then(|| (key.kid, Arc::new(decoding)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_rs256_keys_and_leaves_out_the_rest() {
        let set = KeySet::read(
            br#"{"keys":[{"kty":"RSA","kid":"good","n":"AQAB","e":"AQAB","alg":"RS256","use":"sig","x5c":[]},
            {"kty":"RSA","kid":"plain","n":"AQAB","e":"AQAB"}, {"kty":"RSA","kid":"enc","n":"AQAB","e":"AQAB","use":"enc"},
            {"kty":"RSA","kid":"512","n":"AQAB","e":"AQAB","alg":"RS512"}, {"kty":"oct","kid":"hmac","k":"AQAB"},
            {"kty":"EC","kid":"ec","crv":"P-256","x":"","y":""}, {"kty":"RSA","kid":"bad","n":"*","e":"AQAB"}, 7]}"#,
        )
        .unwrap();
        assert!(set.get("good").is_some() && set.get("plain").is_some());
        for other in ["enc", "512", "hmac", "ec", "bad", ""] {
            assert!(set.get(other).is_none(), "{other}");
        }
        for nothing in [&b"{}"[..], b"", b"{\"keys\":[]}", b"<html>"] {
            assert!(KeySet::read(nothing).is_none());
        }
    }
}
