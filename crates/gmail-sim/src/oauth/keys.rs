//! The RSA keys that sign id_tokens and push tokens, and their JWKS.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha20Rng;
use rsa::pkcs1::EncodeRsaPrivateKey;
use rsa::traits::PublicKeyParts;
use serde::Serialize;
use serde_json::{Value, json};

/// Why no key or token could be made.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("the signing key cannot be made: {0}")]
    Generate(#[from] rsa::Error),
    #[error("the signing key cannot be encoded: {0}")]
    Encode(#[from] rsa::pkcs1::Error),
    #[error("the key file cannot be written: {0}")]
    Pem(#[from] rsa::pkcs8::Error),
    #[error("the token cannot be signed: {0}")]
    Sign(#[from] jsonwebtoken::errors::Error),
}

/// One signing key.
pub struct SigningKey {
    /// `kid` in the JWKS and in tokens.
    pub kid: String,
    private: EncodingKey,
    modulus: String,
    exponent: String,
}

impl SigningKey {
    /// The key of a seed. Making one takes up to a second, so each is made once a process.
    fn of(seed: u64) -> Result<Arc<Self>, KeyError> {
        static MADE: OnceLock<Mutex<BTreeMap<u64, Arc<SigningKey>>>> = OnceLock::new();
        let mut made = MADE.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = made.get(&seed) {
            return Ok(key.clone());
        }
        let private = private_key(seed)?;
        let der = private.to_pkcs1_der()?;
        let key = Arc::new(Self {
            kid: format!("sim{seed:016x}"),
            private: EncodingKey::from_rsa_der(der.as_bytes()),
            modulus: URL_SAFE_NO_PAD.encode(private.n().to_bytes_be()),
            exponent: URL_SAFE_NO_PAD.encode(private.e().to_bytes_be()),
        });
        made.insert(seed, key.clone());
        Ok(key)
    }

    /// Signs claims; RS256 with this key's `kid`.
    pub fn sign(&self, claims: &impl Serialize) -> Result<String, KeyError> {
        let mut header = Header::new(Algorithm::RS256);
        header.kid = Some(self.kid.clone());
        Ok(jsonwebtoken::encode(&header, claims, &self.private)?)
    }
}

/// An RSA key that follows from a seed.
pub(super) fn private_key(seed: u64) -> Result<rsa::RsaPrivateKey, KeyError> {
    Ok(rsa::RsaPrivateKey::new(&mut Seeded(ChaCha20Rng::seed_from_u64(seed)), 2_048)?)
}

/// The current key and those before it.
pub struct Keys {
    seed: u64,
    keys: RwLock<Vec<Arc<SigningKey>>>,
}

impl Keys {
    /// The first key of a seed.
    pub fn new(seed: u64) -> Result<Self, KeyError> {
        Ok(Self { seed, keys: RwLock::new(vec![SigningKey::of(seed)?]) })
    }

    /// The key that signs now.
    pub fn current(&self) -> Option<Arc<SigningKey>> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).last().cloned()
    }

    /// A new key signs from now on; the one before stays in the JWKS, as Google does it.
    pub fn rotate(&self) -> Result<(), KeyError> {
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        let turn = u64::try_from(keys.len()).unwrap_or(0);
        keys.push(SigningKey::of(self.seed.wrapping_add(turn << 32))?);
        if keys.len() > 2 {
            keys.remove(0);
        }
        Ok(())
    }

    /// Signs claims with the current key.
    pub fn sign(&self, claims: &impl Serialize) -> Result<String, KeyError> {
        match self.current() {
            Some(key) => key.sign(claims),
            None => Err(rsa::Error::Internal.into()),
        }
    }

    /// The body of `/oauth2/v3/certs`.
    pub fn jwks(&self) -> Value {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let key = |key: &Arc<SigningKey>| json!({"kty": "RSA", "alg": "RS256", "use": "sig", "kid": key.kid, "n": key.modulus, "e": key.exponent});
        json!({"keys": keys.iter().map(key).collect::<Vec<_>>()})
    }
}

/// `rsa` wants the traits of an older `rand`; the numbers are the same.
struct Seeded(ChaCha20Rng);

impl rsa::rand_core::RngCore for Seeded {
    fn next_u32(&mut self) -> u32 {
        self.0.next_u32()
    }

    fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        self.0.fill_bytes(bytes);
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rsa::rand_core::Error> {
        self.0.fill_bytes(bytes);
        Ok(())
    }
}

impl rsa::rand_core::CryptoRng for Seeded {}
