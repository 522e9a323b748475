//! A set of public keys.

use std::collections::HashMap;
use std::sync::Arc;

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};

/// A key, and the one algorithm its signatures are checked with: the key says it, never the token.
#[derive(Clone)]
pub struct PublicKey {
    pub algorithm: Algorithm,
    pub decoding: DecodingKey,
}

impl std::fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PublicKey({:?})", self.algorithm)
    }
}

/// RSA keys for RS256 and P-256 keys for ES256 by their key id. Others in the set are left out: nothing else is ever
/// accepted.
#[derive(Debug, Default)]
pub(super) struct KeySet(HashMap<String, Arc<PublicKey>>);

#[derive(serde::Deserialize)]
struct Document {
    keys: Vec<serde_json::Value>,
}

impl KeySet {
    /// Reads a JWKS document; a key that cannot be read spoils only itself. None if nothing usable is in it.
    pub fn read(document: &[u8]) -> Option<Self> {
        let document: Document = serde_json::from_slice(document).ok()?;
        let keys: HashMap<_, _> = document.keys.into_iter().filter_map(key).collect();
        (!keys.is_empty()).then_some(Self(keys))
    }

    pub fn get(&self, kid: &str) -> Option<Arc<PublicKey>> {
        self.0.get(kid).cloned()
    }
}

fn key(json: serde_json::Value) -> Option<(String, Arc<PublicKey>)> {
    let key: Jwk = serde_json::from_value(json).ok()?;
    let algorithm = algorithm_of(&key)?;
    let decoding = DecodingKey::from_jwk(&key).ok()?;
    Some((key.common.key_id?, Arc::new(PublicKey { algorithm, decoding })))
}

/// RS256 for RSA keys, ES256 for keys on P-256; nothing else, and no key that is for encryption.
fn algorithm_of(key: &Jwk) -> Option<Algorithm> {
    if key.common.public_key_use.as_ref().is_some_and(|used| *used != PublicKeyUse::Signature) {
        return None;
    }
    let (algorithm, named) = match &key.algorithm {
        AlgorithmParameters::RSA(_) => (Algorithm::RS256, KeyAlgorithm::RS256),
        AlgorithmParameters::EllipticCurve(curve) if curve.curve == EllipticCurve::P256 => {
            (Algorithm::ES256, KeyAlgorithm::ES256)
        }
        _ => return None,
    };
    key.common.key_algorithm.is_none_or(|said| said == named).then_some(algorithm)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_keys_that_sign_by_rs256_or_es256_and_leaves_out_the_rest() {
        let set = KeySet::read(
            br#"{"keys":[{"kty":"RSA","kid":"good","n":"AQAB","e":"AQAB","alg":"RS256","use":"sig","x5c":[]},
            {"kty":"RSA","kid":"plain","n":"AQAB","e":"AQAB"}, {"kty":"RSA","kid":"enc","n":"AQAB","e":"AQAB","use":"enc"},
            {"kty":"RSA","kid":"512","n":"AQAB","e":"AQAB","alg":"RS512"}, {"kty":"oct","kid":"hmac","k":"AQAB"},
            {"kty":"EC","kid":"ec","crv":"P-256","x":"AQAB","y":"AQAB"}, {"kty":"EC","kid":"384","crv":"P-384","x":"","y":""},
            {"kty":"EC","kid":"es512","crv":"P-256","x":"","y":"","alg":"ES512"}, {"kty":"RSA","n":"AQAB","e":"AQAB"},
            {"kty":"RSA","kid":"bad","n":"*","e":"AQAB"}, 7]}"#,
        )
        .unwrap();
        let algorithm = |kid| set.get(kid).map(|key| key.algorithm);
        assert_eq!((algorithm("good"), algorithm("plain")), (Some(Algorithm::RS256), Some(Algorithm::RS256)));
        assert_eq!(algorithm("ec"), Some(Algorithm::ES256));
        for other in ["enc", "512", "hmac", "384", "es512", "bad", ""] {
            assert!(set.get(other).is_none(), "{other}");
        }
        for nothing in [&b"{}"[..], b"", b"{\"keys\":[]}", b"<html>"] {
            assert!(KeySet::read(nothing).is_none());
        }
    }
}
