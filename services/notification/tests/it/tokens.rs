//! Tokens of clients and of the gateway, good and bad.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::{Hmac, Mac};
use postrider_domain::{Clock, SystemClock};
use postrider_web::service_tokens::Claims;
use postrider_web::{InternalKeys, InternalTokens, Scopes};
use serde_json::{Value, json};
use sha2::Sha256;
use std::sync::Arc;

use crate::producer::Account;

pub const JWT_SECRET: &str = "a-secret-of-at-least-32-bytes-for-tests";

/// `INTERNAL_KEYS` of the test's gateway and service.
pub fn internal_keys() -> InternalKeys {
    let key = STANDARD.encode([7_u8; 32]);
    let pairs =
        ["gateway>notification", "sync-worker>notification", "notification>connector", "notification>sync-worker"];
    InternalKeys::parse(&pairs.map(|pair| format!("{pair}:{key}")).join(",")).unwrap()
}

/// What the gateway sends with a request for that user.
pub fn internal(account: &Account, scopes: &str) -> String {
    let claims = Claims {
        tenant: Some(account.tenant.clone()),
        user: Some(account.user.clone()),
        scopes: Scopes::parse(scopes),
        request_id: "r1".to_owned(),
    };
    let tokens = InternalTokens::new(internal_keys(), "gateway", Arc::new(SystemClock));
    tokens.issue("notification", claims).unwrap().expose().to_owned()
}

/// A JWT of any header and payload, signed HS256 with any key.
pub fn sign(header: &Value, payload: &Value, key: &[u8]) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", part(header), part(payload));
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text.as_bytes());
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

pub fn payload(account: &Account, lives: i64) -> Value {
    json!({ "sub": account.user, "tenant_id": account.tenant, "exp": SystemClock.now().timestamp() + lives })
}

/// A good client token.
pub fn client(account: &Account) -> String {
    sign(&json!({ "alg": "HS256", "typ": "JWT" }), &payload(account, 3_600), JWT_SECRET.as_bytes())
}
