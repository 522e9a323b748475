//! What a client's `Idempotency-Key` makes of a write: which row remembers it, what it is compared by, which id it gives
//! to what the write creates, and how its answer is sealed.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use fernet::Fernet;
use postrider_domain::{TenantId, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use sha1::Sha1;
use sha2::{Digest as _, Sha256};
use uuid::{Builder, Uuid};

/// Longest key.
pub const LONGEST: usize = 255;
/// Our namespace for ids of writes (RFC 9562 §5.5).
const NAMESPACE: Uuid = Uuid::from_u128(0x6f2d_9d0c_57a1_4c1e_9a36_2f0c_5d0e_7b41);

/// SHA-256.
pub type Hash = [u8; 32];

/// A key as a client sends it. It seals answers: no `Debug`.
#[derive(Clone)]
pub struct IdempotencyKey(String);

/// Whose write it is, and which one.
#[derive(Debug, Clone, Copy)]
pub struct Write<'a> {
    pub tenant: &'a TenantId,
    pub user: &'a UserId,
    /// Differs from `user` only for a tenant administrator.
    pub actor: &'a UserId,
    /// Whether the caller is a tenant administrator.
    pub rules: bool,
    pub method: &'a str,
    /// The row's pattern.
    pub route: &'a str,
    /// Path and query as they came.
    pub target: &'a str,
    pub account: &'a str,
    pub body: &'a [u8],
}

/// An answer that is kept for repeats.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl IdempotencyKey {
    /// Reads the header: 1 to 255 visible ASCII characters.
    pub fn parse(text: &str) -> Option<Self> {
        let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
        (visible && (1..=LONGEST).contains(&text.len())).then(|| Self(text.to_owned()))
    }

    /// Names the row.
    pub fn hash(&self) -> Hash {
        hash(&[b"key", self.0.as_bytes()])
    }

    /// The id of what the write creates: UUIDv5 of tenant, user, key, route and when the write first came. A key that is used
    /// again after its day names another write.
    pub fn write_id(&self, write: &Write<'_>, first: Timestamp) -> Uuid {
        let mut digest = Sha1::new();
        digest.update(NAMESPACE.as_bytes());
        for part in [write.tenant.as_str(), write.user.as_str(), &self.0, write.method, write.route] {
            digest.update(length(part.as_bytes()));
            digest.update(part);
        }
        digest.update(first.timestamp_micros().to_be_bytes());
        let digest: [u8; 20] = digest.finalize().into();
        let (head, _) = digest.split_first_chunk::<16>().unwrap_or((&[0; 16], &[]));
        Builder::from_sha1_bytes(*head).into_uuid()
    }

    /// The answer as only who knows the key can read it.
    pub fn seal(&self, write: &Write<'_>, answer: &Answer) -> Option<String> {
        let json = serde_json::to_vec(answer).ok()?;
        Some(self.sealer(write)?.encrypt(&json))
    }

    /// Opens a sealed answer.
    pub fn open(&self, write: &Write<'_>, sealed: &str) -> Option<Answer> {
        serde_json::from_slice(&self.sealer(write)?.decrypt(sealed).ok()?).ok()
    }

    fn sealer(&self, write: &Write<'_>) -> Option<Fernet> {
        let parts = [b"seal", write.tenant.as_str().as_bytes(), write.user.as_str().as_bytes(), self.0.as_bytes()];
        Fernet::new(&URL_SAFE.encode(hash(&parts)))
    }
}

impl Write<'_> {
    /// Two requests with one key must be equal in all of this.
    pub fn hash(&self) -> Hash {
        let Self { actor, rules, method, target, account, body, .. } = self;
        let rules = [u8::from(*rules)];
        hash(&[actor.as_str().as_bytes(), &rules, method.as_bytes(), target.as_bytes(), account.as_bytes(), body])
    }
}

/// Parts are told apart by their lengths.
fn hash(parts: &[&[u8]]) -> Hash {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update(length(part));
        digest.update(part);
    }
    digest.finalize().into()
}

fn length(part: &[u8]) -> [u8; 8] {
    u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> IdempotencyKey {
        IdempotencyKey::parse(text).unwrap()
    }

    fn with<R>(user: &str, body: &[u8], then: impl FnOnce(&Write<'_>) -> R) -> R {
        let (tenant, user) = (TenantId::parse("acme").unwrap(), UserId::parse(user).unwrap());
        let write = Write {
            tenant: &tenant,
            user: &user,
            actor: &user,
            rules: false,
            method: "POST",
            route: "/api/notifications",
            target: "/api/notifications",
            account: "",
            body,
        };
        then(&write)
    }

    #[test]
    fn a_repeat_has_the_same_id_and_every_other_write_another() {
        let at = |first: i64, key_text: &str, user: &str| {
            let first = Timestamp::from_timestamp(first, 0).unwrap();
            with(user, b"{}", |write| key(key_text).write_id(write, first))
        };
        let id = |key_text: &str, user: &str| at(0, key_text, user);
        assert_eq!(id("a", "ann"), id("a", "ann"));
        assert_eq!(id("a", "ann").get_version_num(), 5);
        assert_ne!(id("a", "ann"), id("b", "ann"));
        assert_ne!(id("a", "ann"), id("a", "bob"));
        assert_ne!(id("a", "ann"), at(86_400, "a", "ann"), "the key was used again after its day");
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        let of = |body: &[u8]| with("ann", body, |write| write.hash());
        assert_ne!(of(b"{}"), of(b"{ }"));
        assert_ne!(hash(&[b"ab", b"c"]), hash(&[b"a", b"bc"]));
    }

    #[test]
    fn only_the_key_opens_an_answer() {
        let answer = Answer { status: 201, headers: vec![("location".into(), "/x".into())], body: b"{}".to_vec() };
        let sealed = with("ann", b"", |write| key("a").seal(write, &answer)).unwrap();
        assert_eq!(with("ann", b"", |write| key("a").open(write, &sealed)), Some(answer));
        assert_eq!(with("ann", b"", |write| key("b").open(write, &sealed)), None);
        assert_eq!(with("bob", b"", |write| key("a").open(write, &sealed)), None);
    }

    #[test]
    fn keys_are_visible_ascii() {
        assert!(IdempotencyKey::parse(&"x".repeat(255)).is_some());
        for bad in ["", " ", "a b", "é", "a\n", &"x".repeat(256)] {
            assert!(IdempotencyKey::parse(bad).is_none(), "{bad:?}");
        }
    }
}
