//! Unguessable texts that are shown once, and the hashes we keep of them.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::seams::Entropy;
use crate::secret::Secret;

/// 256 random bits as 43 URL-safe characters: a state, a PKCE verifier (RFC 7636 §4.1), a cookie, a confirm token.
pub fn random(entropy: &dyn Entropy) -> Secret {
    let mut bytes = [0_u8; 32];
    entropy.fill(&mut bytes);
    Secret::new(URL_SAFE_NO_PAD.encode(bytes))
}

/// What is kept of it. The texts have full entropy, so a plain hash cannot be turned back.
pub fn hash(text: &str) -> Vec<u8> {
    digest(text).to_vec()
}

/// The same, as the key of a map.
pub fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

/// Whether a text is the one the hash was made of, in constant time.
pub fn matches(text: &str, kept: &[u8]) -> bool {
    digest(text).ct_eq(kept).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seams::SeededEntropy;

    #[test]
    fn tokens_differ_and_match_their_own_hash_only() {
        let entropy = SeededEntropy::new(7);
        let (a, b) = (random(&entropy), random(&entropy));
        assert_eq!(a.expose().len(), 43);
        assert!(matches(a.expose(), &hash(a.expose())));
        assert!(!matches(b.expose(), &hash(a.expose())));
        assert!(!matches(a.expose(), &[]));
    }
}
