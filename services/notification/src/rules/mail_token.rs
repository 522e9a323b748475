//! What the links in our mails carry: what they do and for whom, signed. Nothing of it is kept; whoever has the link may
//! do what it says, and nothing else.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use postrider_domain::{ConnectorId, Secret, TenantId, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

/// Parts this key from other uses of the secret it is made of.
const CONTEXT: &[u8] = b"postrider mail links v1";

/// A key that signs and verifies. `Debug` does not show it.
#[derive(Clone)]
pub struct MailKey([u8; 32]);

impl MailKey {
    /// Made of a secret that has another use: who learns this key learns nothing of the secret.
    pub fn derive(secret: &[u8]) -> Self {
        Self(mac(secret, CONTEXT).finalize().into_bytes().into())
    }
}

impl fmt::Debug for MailKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MailKey(…)")
    }
}

/// Which mails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum List {
    /// One for each notification.
    #[serde(rename = "a")]
    Alerts,
    /// Digests, of an account of their own or of all the others.
    #[serde(rename = "d")]
    Digests { account: Option<ConnectorId> },
}

/// What a link does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Deed {
    /// Ends mails of a list. Good for ever: it is in old mails too.
    #[serde(rename = "u")]
    Unsubscribe { list: List },
    /// Says that an address wants mails.
    #[serde(rename = "c")]
    Confirm { address: String, until: Timestamp },
}

/// A link's content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailToken {
    #[serde(rename = "t")]
    pub tenant: TenantId,
    #[serde(rename = "u")]
    pub user: UserId,
    #[serde(rename = "d")]
    pub deed: Deed,
}

impl MailToken {
    /// The text that stands in a link: safe in a path.
    pub fn sign(&self, key: &MailKey) -> Secret {
        let said = URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).unwrap_or_default());
        let signature = URL_SAFE_NO_PAD.encode(mac(&key.0, said.as_bytes()).finalize().into_bytes());
        Secret::new(format!("{said}.{signature}"))
    }

    /// Reads a text that one of the keys has signed. Every wrong signature takes the same time, and nothing is read before it is
    /// verified.
    pub fn verify(text: &str, keys: &[MailKey]) -> Option<Self> {
        let (said, signature) = text.split_once('.')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        let signed = keys.iter().any(|key| mac(&key.0, said.as_bytes()).verify_slice(&signature).is_ok());
        if !signed {
            return None;
        }
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(said).ok()?).ok()
    }
}

#[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
fn mac(key: &[u8], text: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any key");
    mac.update(text);
    mac
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(deed: Deed) -> MailToken {
        MailToken { tenant: TenantId::parse("acme").unwrap(), user: UserId::parse("ann").unwrap(), deed }
    }

    #[test]
    fn a_token_says_what_was_signed_and_nothing_else_verifies() {
        let [key, older, strange] = [&b"k1"[..], b"k0", b"x"].map(MailKey::derive);
        let keys = [key.clone(), older.clone()];
        let account = Some(ConnectorId(uuid::Uuid::from_u128(7)));
        for deed in [
            Deed::Unsubscribe { list: List::Alerts },
            Deed::Unsubscribe { list: List::Digests { account: None } },
            Deed::Unsubscribe { list: List::Digests { account } },
            Deed::Confirm { address: "ann@example.org".to_owned(), until: Timestamp::default() },
        ] {
            let token = token(deed);
            let text = token.sign(&key);
            assert_eq!(MailToken::verify(text.expose(), &keys).as_ref(), Some(&token));
            // One key after the other: old mails stay good.
            assert_eq!(MailToken::verify(token.sign(&older).expose(), &keys).as_ref(), Some(&token));
            assert_eq!(MailToken::verify(token.sign(&strange).expose(), &keys), None);
            let safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
            assert!(text.expose().chars().all(safe) && text.expose().len() < 400);
        }
    }

    #[test]
    fn a_changed_letter_anywhere_is_refused() {
        let key = MailKey::derive(b"k1");
        let text = token(Deed::Unsubscribe { list: List::Alerts }).sign(&key).expose().to_owned();
        for at in 0..text.len() {
            let other = |c: char| if c == 'A' { 'B' } else { 'A' };
            let changed: String = text.chars().enumerate().map(|(n, c)| if n == at { other(c) } else { c }).collect();
            let verified = MailToken::verify(&changed, std::slice::from_ref(&key));
            assert!(verified.is_none(), "{at}: {changed}");
        }
        for odd in ["", ".", "a.b", "a", &format!("{text}.")] {
            assert!(MailToken::verify(odd, std::slice::from_ref(&key)).is_none(), "{odd}");
        }
        assert_eq!(format!("{key:?}"), "MailKey(…)");
    }
}
