//! Who sends (RFC 8292): a short-lived token for each push service, signed with our key. A browser takes pushes by the key
//! alone it subscribed with, so former keys stay beside the new one until their browsers have come again.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use postrider_domain::Timestamp;
use postrider_runtime::ConfigErrors;
use postrider_runtime::config::Env;
use serde_json::json;

const KEY: &str = "VAPID_PRIVATE_KEY";
const SUBJECT: &str = "VAPID_SUBJECT";
/// At most 24 h are allowed.
const LIFE: TimeDelta = TimeDelta::hours(12);

/// Our keys, newest first. None: nothing is pushed. Clones share them.
#[derive(Clone, Default)]
pub struct VapidKeys(Option<Arc<Keys>>);

struct Keys {
    newest: Key,
    former: Vec<Key>,
    subject: String,
}

struct Key {
    secret: SigningKey,
    public: String,
}

impl std::fmt::Debug for VapidKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("VapidKeys").field(&self.public()).finish()
    }
}

impl Key {
    fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok()?;
        let secret = SigningKey::from_slice(&bytes).ok()?;
        let public = URL_SAFE_NO_PAD.encode(secret.verifying_key().to_encoded_point(false));
        Some(Self { secret, public })
    }
}

impl VapidKeys {
    /// Reads `VAPID_PRIVATE_KEY` and `VAPID_SUBJECT`; none of them where `PUSH_NOTIFICATIONS_ENABLED` is false.
    ///
    /// # Errors
    /// Malformed, or a key without a subject.
    pub fn load(env: &Env) -> Result<Self, ConfigErrors> {
        let enabled = env.flag("PUSH_NOTIFICATIONS_ENABLED")?;
        let Some(text) = env.optional_secret(KEY)?.filter(|_| enabled) else { return Ok(Self::default()) };
        let keys: Option<Vec<Key>> = text.expose().split(',').map(|key| Key::parse(key.trim())).collect();
        let mut keys = keys
            .ok_or_else(|| env.malformed(KEY, "is not 32 bytes in base64url (several: newest first, with commas)"))?
            .into_iter();
        let newest = keys.next().ok_or_else(|| env.missing(KEY))?;
        let subject = env.optional(SUBJECT).ok_or_else(|| env.missing(SUBJECT))?;
        if !(subject.starts_with("mailto:") || subject.starts_with("https://")) {
            return Err(env.malformed(SUBJECT, "begins neither with mailto: nor with https://"));
        }
        Ok(Self(Some(Arc::new(Keys { newest, former: keys.collect(), subject }))))
    }

    /// The key that browsers subscribe with (`applicationServerKey`); nothing where nothing is pushed.
    pub fn public(&self) -> Option<&str> {
        self.0.as_ref().map(|keys| keys.newest.public.as_str())
    }

    /// The header `Authorization` for a push service, by the key that its browser knows; nothing if that one is gone.
    pub fn authorization(&self, public: &str, origin: &str, now: Timestamp) -> Option<String> {
        let keys = self.0.as_ref()?;
        let key = std::iter::once(&keys.newest).chain(&keys.former).find(|key| key.public == public)?;
        let part = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let claims = json!({ "aud": origin, "exp": (now + LIFE).timestamp(), "sub": keys.subject });
        let signed = format!("{}.{}", part(json!({ "typ": "JWT", "alg": "ES256" })), part(claims));
        let signature: Signature = key.secret.sign(signed.as_bytes());
        let token = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()));
        Some(format!("vapid t={token}, k={}", key.public))
    }
}

#[cfg(test)]
mod tests {
    use p256::ecdsa::VerifyingKey;
    use p256::ecdsa::signature::Verifier as _;
    use serde_json::Value;

    use super::*;

    const ONE: &str = "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94";
    const TWO: &str = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw";

    fn load(more: &[(&str, &str)]) -> Result<VapidKeys, String> {
        VapidKeys::load(&Env::from_pairs(more.iter().copied())).map_err(|error| error.to_string())
    }

    #[test]
    fn a_token_names_its_push_service_and_verifies_by_the_key_the_browser_knows() {
        let keys = load(&[(KEY, &format!("{ONE}, {TWO}=")), (SUBJECT, "mailto:ops@example.com")]).unwrap();
        let former = load(&[(KEY, TWO), (SUBJECT, "https://example.com")]).unwrap();
        assert_ne!(keys.public(), former.public());
        for public in [keys.public().unwrap(), former.public().unwrap()] {
            let header = keys.authorization(public, "https://push.example", Timestamp::default()).unwrap();
            let (token, key) = header.strip_prefix("vapid t=").unwrap().split_once(", k=").unwrap();
            assert_eq!(key, public);
            let (signed, signature) = token.rsplit_once('.').unwrap();
            let point = URL_SAFE_NO_PAD.decode(key).unwrap();
            let signature = Signature::from_slice(&URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
            VerifyingKey::from_sec1_bytes(&point).unwrap().verify(signed.as_bytes(), &signature).unwrap();
            let claims = URL_SAFE_NO_PAD.decode(signed.split_once('.').unwrap().1).unwrap();
            let claims: Value = serde_json::from_slice(&claims).unwrap();
            let expected = json!({ "aud": "https://push.example", "exp": 43_200, "sub": "mailto:ops@example.com" });
            assert_eq!(claims, expected);
        }
        assert_eq!(former.authorization(keys.public().unwrap(), "https://push.example", Timestamp::default()), None);
    }

    #[test]
    fn nothing_is_pushed_without_a_key_and_half_a_setting_stops_the_start() {
        assert_eq!(load(&[]).unwrap().public(), None);
        let off = [(KEY, ONE), (SUBJECT, "mailto:a@b.c"), ("PUSH_NOTIFICATIONS_ENABLED", "false")];
        assert_eq!(load(&off).unwrap().public(), None);
        for (settings, name) in [
            (vec![(KEY, ONE)], SUBJECT),
            (vec![(KEY, ONE), (SUBJECT, "ops@example.com")], SUBJECT),
            (vec![(KEY, "short"), (SUBJECT, "mailto:a@b.c")], KEY),
            (vec![(KEY, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), (SUBJECT, "mailto:a@b.c")], KEY),
        ] {
            let error = load(&settings).unwrap_err();
            assert!(error.contains(name) && !error.contains(ONE), "{error}");
        }
    }
}
