//! Signatures as Standard Webhooks has them: `v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`, several with
//! spaces between while a secret is being changed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::TimeDelta;
use hmac::{Hmac, Mac as _};
use postrider_domain::{Entropy, Secret, Timestamp};
use sha2::Sha256;
use subtle::{Choice, ConstantTimeEq as _};

/// What the text of a secret begins with.
const PREFIX: &str = "whsec_";
/// Bytes of a secret.
const BYTES: usize = 32;

/// What an endpoint and we share.
#[derive(Debug, Clone)]
pub struct WebhookSecret(Secret);

impl WebhookSecret {
    /// A new one.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let mut bytes = [0; BYTES];
        entropy.fill(&mut bytes);
        Self(Secret::new(format!("{PREFIX}{}", STANDARD.encode(bytes))))
    }

    /// One that was made before.
    pub fn known(text: Secret) -> Self {
        Self(text)
    }

    /// As its owner is shown it, once, and as it is sealed.
    pub fn text(&self) -> &Secret {
        &self.0
    }

    fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> Option<String> {
        let bytes = STANDARD.decode(self.0.expose().strip_prefix(PREFIX)?).ok()?;
        let mut mac = Hmac::<Sha256>::new_from_slice(&bytes).ok()?;
        mac.update(format!("{id}.{timestamp}.").as_bytes());
        mac.update(body);
        Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
    }
}

/// The header `webhook-signature`; nothing if a secret is none.
pub fn signatures(secrets: &[WebhookSecret], id: &str, timestamp: i64, body: &[u8]) -> Option<String> {
    let all: Option<Vec<String>> = secrets.iter().map(|secret| secret.sign(id, timestamp, body)).collect();
    all.filter(|all| !all.is_empty()).map(|all| all.join(" "))
}

/// Oldest request, and the furthest a sender's clock may be ahead.
const WINDOW: TimeDelta = TimeDelta::minutes(5);
/// Longest id, in bytes.
const LONGEST_ID: usize = 256;

/// What a request says of itself.
#[derive(Debug, Clone)]
pub struct Signed {
    pub id: String,
    timestamp: i64,
    signatures: String,
}

impl Signed {
    /// Reads the three headers; nothing if one is missing or malformed, or the time is not about now.
    pub fn of<'a>(header: impl Fn(&str) -> Option<&'a str>, now: Timestamp) -> Option<Self> {
        let id = header("webhook-id").filter(|id| (1..=LONGEST_ID).contains(&id.len()))?.to_owned();
        let timestamp = header("webhook-timestamp")?.parse().ok()?;
        let signatures = header("webhook-signature")?.to_owned();
        let at = Timestamp::from_timestamp(timestamp, 0)?;
        ((now - at).abs() <= WINDOW).then_some(Self { id, timestamp, signatures })
    }
}

/// Whether one of the signatures was made with one of the secrets; compared in constant time.
pub fn verifies(secrets: &[WebhookSecret], signed: &Signed, body: &[u8]) -> bool {
    let ours: Vec<String> =
        secrets.iter().filter_map(|secret| secret.sign(&signed.id, signed.timestamp, body)).collect();
    let theirs = signed.signatures.split(' ');
    let pairs = theirs.flat_map(|theirs| ours.iter().map(move |ours| theirs.as_bytes().ct_eq(ours.as_bytes())));
    pairs.fold(Choice::from(0), |any, same| any | same).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification.
    #[test]
    fn signs_as_the_specification_does() {
        let secret = WebhookSecret::known(Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"));
        let body = br#"{"test": 2432232314}"#;
        let signed = signatures(&[secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body);
        assert_eq!(signed.as_deref(), Some("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="));
        assert_eq!(signatures(&[WebhookSecret::known(Secret::new("x"))], "a", 1, b""), None);
        assert_eq!(signatures(&[], "a", 1, b""), None);
    }

    #[test]
    fn a_request_is_taken_by_either_secret_for_five_minutes_and_as_it_was_signed() {
        let secret = |text: &str| WebhookSecret::known(Secret::new(text));
        let (new, old) =
            (secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), secret("whsec_AAKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"));
        let at = Timestamp::from_timestamp(1_000_000, 0).unwrap();
        let header = signatures(std::slice::from_ref(&old), "id", 1_000_000, b"{}").unwrap();
        let both = format!("v1,AAAA v2,x {header}");
        let read = |id: &str, time: &str, signature: &str, now: Timestamp| {
            let (id, time, signature) = (id.to_owned(), time.to_owned(), signature.to_owned());
            Signed::of(
                |name| match name {
                    "webhook-id" => Some(id.as_str()),
                    "webhook-timestamp" => Some(time.as_str()),
                    _ => Some(signature.as_str()),
                },
                now,
            )
        };
        let good = read("id", "1000000", &both, at + WINDOW).unwrap();
        assert!(verifies(&[new.clone(), old.clone()], &good, b"{}"));
        assert!(
            !verifies(&[new], &good, b"{}")
                && !verifies(&[], &good, b"{}")
                && !verifies(std::slice::from_ref(&old), &good, b"{ }")
        );
        for (id, time) in [("other", "1000000"), ("id", "1000001")] {
            assert!(!verifies(std::slice::from_ref(&old), &read(id, time, &header, at).unwrap(), b"{}"), "{id} {time}");
        }
        let moment = TimeDelta::milliseconds(1);
        assert!(read("id", "1000000", &header, at - WINDOW).is_some());
        for now in [at + WINDOW + moment, at - WINDOW - moment] {
            assert!(read("id", "1000000", &header, now).is_none());
        }
        for (id, time) in [("", "1000000"), ("x".repeat(257).as_str(), "1000000"), ("id", "soon"), ("id", "1e6")] {
            assert!(read(id, time, &header, at).is_none(), "{id} {time}");
        }
        assert!(!verifies(&[old], &read("id", "1000000", "", at).unwrap(), b"{}"));
    }
}
