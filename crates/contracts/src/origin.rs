//! How a mail of our own is known again when it comes back through a mailbox we watch: a header whose value is signed.
//!
//! Anybody may write the header, so its word alone counts for nothing. The signature covers what the mail is for, whose
//! it is and its `Message-ID`: a value taken from one mail marks no other, and none of another user. A mail without a
//! header, or with one that does not verify, is an ordinary mail.
//!
//! `notification` both signs and verifies. The mirror only hands the header on (`EmailSummary::origin`), so no second
//! service needs the key.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use postrider_domain::{TenantId, UserId};
use sha2::Sha256;

/// The header's name.
pub const ORIGIN_HEADER: &str = "X-Postrider-Origin";
/// Parts the key from other uses of the secret it is made of, and one version of what is signed from the next.
const CONTEXT: &[u8] = b"postrider origin header v1";
/// Between the purpose and the signature.
const VERSION: &str = ";v1=";

/// A key that signs and verifies origins. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct OriginKey([u8; 32]);

impl OriginKey {
    /// Made of a secret that has another use: who learns this key learns nothing of the secret.
    pub fn derive(secret: &[u8]) -> Self {
        Self(keyed(secret, [CONTEXT]).finalize().into_bytes().into())
    }
}

impl fmt::Debug for OriginKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OriginKey(…)")
    }
}

/// What a mail of ours is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A digest of notifications: it raises none itself.
    Digest,
}

impl Purpose {
    /// Its word in the header.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Digest => "digest",
        }
    }
}

/// A mail of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnMail<'a> {
    pub purpose: Purpose,
    /// Whose notifications it tells of.
    pub tenant: &'a TenantId,
    pub user: &'a UserId,
    /// Its `Message-ID`, with or without angle brackets.
    pub message_id: &'a str,
}

impl OwnMail<'_> {
    /// The header's value: `digest;v1=<signature>`.
    pub fn sign(&self, key: &OriginKey) -> String {
        let signature = URL_SAFE_NO_PAD.encode(self.mac(key).finalize().into_bytes());
        format!("{}{VERSION}{signature}", self.purpose.as_str())
    }

    /// Whether this value was signed for this mail with one of the keys. Takes the same time for every wrong signature.
    pub fn is_signed(&self, value: &str, keys: &[OriginKey]) -> bool {
        let Some((purpose, signature)) = value.trim().split_once(VERSION) else { return false };
        let Ok(signature) = URL_SAFE_NO_PAD.decode(signature) else { return false };
        // A mail without an id of its own could lend its value to every other one.
        let whole = purpose == self.purpose.as_str() && !bare(self.message_id).is_empty();
        whole && keys.iter().any(|key| self.mac(key).verify_slice(&signature).is_ok())
    }

    fn mac(&self, key: &OriginKey) -> Hmac<Sha256> {
        let parts = [self.purpose.as_str(), self.tenant.as_str(), self.user.as_str(), bare(self.message_id)];
        keyed(&key.0, parts.map(str::as_bytes))
    }
}

/// A MAC over the parts, each behind its length so that none can lend a byte to the next.
#[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
fn keyed<const N: usize>(key: &[u8], parts: [&[u8]; N]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any key");
    for part in parts {
        mac.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        mac.update(part);
    }
    mac
}

fn bare(message_id: &str) -> &str {
    let id = message_id.trim();
    id.strip_prefix('<').and_then(|id| id.strip_suffix('>')).unwrap_or(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_marks_the_mail_it_was_signed_for_and_no_other() {
        let [key, older, strange] = [&b"k1"[..], b"k0", b"x"].map(OriginKey::derive);
        let keys = [key.clone(), older.clone()];
        let [tenant, other_tenant] = ["acme", "globex"].map(|id| TenantId::parse(id).unwrap());
        let [user, other_user] = ["ann", "bob"].map(|id| UserId::parse(id).unwrap());
        let mail = OwnMail { purpose: Purpose::Digest, tenant: &tenant, user: &user, message_id: "<d1@postrider>" };
        let value = mail.sign(&key);
        assert!(value.starts_with("digest;v1=") && value.is_ascii() && value.len() < 78, "{value}");
        assert!(mail.is_signed(&value, &keys) && mail.is_signed(&format!(" {value} "), &keys));
        assert!(OwnMail { message_id: "d1@postrider", ..mail }.is_signed(&value, &keys));
        // A key that is being changed still verifies.
        assert!(mail.is_signed(&mail.sign(&older), &keys));
        assert!(!mail.is_signed(&mail.sign(&strange), &keys) && !mail.is_signed(&value, &[]));
        for other in [
            OwnMail { message_id: "d2@postrider", ..mail },
            OwnMail { tenant: &other_tenant, ..mail },
            OwnMail { user: &other_user, ..mail },
        ] {
            assert!(!other.is_signed(&value, &keys), "{other:?}");
        }
        let cut = value.get(..value.len() - 2).unwrap();
        for forged in ["", "digest", "digest/42", "digest;v1=", "digest;v1=AAAA", "digest;v1=%%", "other;v1=AAAA", cut]
        {
            assert!(!mail.is_signed(forged, &keys), "{forged}");
        }
        let nameless = OwnMail { message_id: "<>", ..mail };
        assert!(!nameless.is_signed(&nameless.sign(&key), &keys));
    }

    #[test]
    fn the_value_is_the_same_in_every_version() {
        let (tenant, user) = (TenantId::parse("acme").unwrap(), UserId::parse("ann").unwrap());
        let mail = OwnMail { purpose: Purpose::Digest, tenant: &tenant, user: &user, message_id: "d1@postrider" };
        assert_eq!(mail.sign(&OriginKey::derive(b"secret")), "digest;v1=9smiYwUASWEgAfgKZ8v_COaTqY5oThbCrpnSLE_Asbo");
        assert_eq!(format!("{:?}", OriginKey::derive(b"secret")), "OriginKey(…)");
    }
}
