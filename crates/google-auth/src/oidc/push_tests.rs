//! Forged tokens, one row each, and what a genuine one costs.

use chrono::TimeDelta;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use postrider_domain::MockClock;
use postrider_testing::MockServer;
use serde_json::{Value, json};

use super::*;
use crate::oidc::forge::{GOOGLE, STRANGER, by_hand, publish};
use crate::oidc::google_keys;

const AUDIENCE: &str = "https://postrider.example/api/email/webhook/google/pubsub";
const ACCOUNT: &str = "push@project.iam.gserviceaccount.com";

struct World {
    server: MockServer,
    verifier: PushVerifier,
    clock: MockClock,
}

async fn world() -> World {
    let server = MockServer::start().await;
    publish(&server, &["k1"], "max-age=20000").await;
    let clock = MockClock::default();
    let jwks = google_keys(format!("{}/certs", server.uri()).parse().unwrap(), Arc::new(clock.clone())).unwrap();
    let rules = PushRules {
        audience: AUDIENCE.to_owned(),
        service_account: Some(EmailAddress::parse(ACCOUNT).unwrap()),
        issuer: "https://accounts.google.com".to_owned(),
    };
    World { server, verifier: PushVerifier::new(jwks, rules, Arc::new(clock.clone())), clock }
}

impl World {
    fn claims(&self) -> Value {
        let now = self.clock.now().timestamp();
        json!({"iss": "https://accounts.google.com", "aud": AUDIENCE, "email": ACCOUNT, "email_verified": true,
            "iat": now, "exp": now + 3_600, "sub": "1", "azp": "1"})
    }

    fn claims_with(&self, name: &str, value: Value) -> Value {
        let mut claims = self.claims();
        claims[name] = value;
        claims
    }

    async fn verify(&self, token: &str) -> Result<(), PushRefusal> {
        self.verifier.verify(Some(&format!("Bearer {token}"))).await
    }
}

#[tokio::test]
async fn genuine_tokens_pass_in_both_spellings_of_the_issuer() {
    let world = world().await;
    world.verify(&GOOGLE.sign(&world.claims())).await.unwrap();
    let bare = world.claims_with("iss", json!("accounts.google.com"));
    world.verify(&GOOGLE.sign(&bare)).await.unwrap();
    let header = format!("bearer  {}", GOOGLE.sign(&world.claims()));
    world.verifier.verify(Some(&header)).await.unwrap();
}

#[tokio::test]
async fn every_forgery_is_refused_for_its_reason() {
    use TokenRefusal::{
        Algorithm as WrongAlgorithm, Audience, Expired, Issuer, Malformed, NotYet, Signature, UnknownKey,
    };
    let world = world().await;
    let good = world.claims();
    let signed = |name: &str, value: Value| GOOGLE.sign(&world.claims_with(name, value));
    let hmac_header = Header { kid: Some("k1".to_owned()), ..Header::new(Algorithm::HS256) };
    let hmac = encode(&hmac_header, &good, &EncodingKey::from_secret(&GOOGLE.public_bytes())).unwrap();
    let genuine = GOOGLE.sign(&good);
    let (signed_part, signature) = genuine.rsplit_once('.').unwrap();
    let (header, _claims) = signed_part.split_once('.').unwrap();
    let other_claims = by_hand(&json!({}), &world.claims_with("email", json!("evil@example.com")), signature);
    let (_, swapped) = other_claims.split_once('.').unwrap();
    let now = world.clock.now().timestamp();
    let rows = [
        ("alg none", by_hand(&json!({"alg": "none", "kid": "k1"}), &good, ""), Malformed.into()),
        ("alg None, signed text", by_hand(&json!({"alg": "None", "kid": "k1"}), &good, signature), Malformed.into()),
        ("HS256 with the public key", hmac, WrongAlgorithm.into()),
        ("other key, same kid", STRANGER.sign(&good), Signature.into()),
        ("claims swapped", format!("{header}.{swapped}"), Signature.into()),
        ("no signature", format!("{signed_part}."), Signature.into()),
        ("unknown kid", GOOGLE.sign_as(Some("k9"), &good), UnknownKey.into()),
        ("no kid", GOOGLE.sign_as(None, &good), UnknownKey.into()),
        ("other audience", signed("aud", json!("https://other.example")), Audience.into()),
        ("audience with a slash more", signed("aud", json!(format!("{AUDIENCE}/"))), Audience.into()),
        ("list of audiences", signed("aud", json!([AUDIENCE, "https://other.example"])), Malformed.into()),
        ("other issuer", signed("iss", json!("https://accounts.evil.example")), Issuer.into()),
        ("issuer in another spelling", signed("iss", json!("http://accounts.google.com")), Issuer.into()),
        ("other account", signed("email", json!("evil@project.iam.gserviceaccount.com")), PushRefusal::ServiceAccount),
        ("no account", signed("email", json!("")), PushRefusal::ServiceAccount),
        ("unverified", signed("email_verified", json!(false)), PushRefusal::Unverified),
        ("verified as text", signed("email_verified", json!("true")), Malformed.into()),
        ("expired", signed("exp", json!(now - 61)), Expired.into()),
        ("from the future", signed("iat", json!(now + 120)), NotYet.into()),
        ("no expiry", signed("exp", Value::Null), Malformed.into()),
        ("garbage", "garbage".to_owned(), Malformed.into()),
        ("three dots", "a.b.c".to_owned(), Malformed.into()),
        ("huge", "a".repeat(1 << 20), Malformed.into()),
    ];
    for (name, token, expected) in rows {
        assert_eq!(world.verify(&token).await, Err(expected), "{name}");
        // And again: nothing refused is ever remembered as good.
        assert_eq!(world.verify(&token).await, Err(expected), "{name}, repeated");
        assert!(!expected.is_temporary());
    }
    for header in [None, Some(""), Some("Bearer"), Some("Bearer "), Some("Basic eA=="), Some(genuine.as_str())] {
        assert_eq!(world.verifier.verify(header).await, Err(PushRefusal::NoToken), "{header:?}");
    }
}

#[tokio::test]
async fn small_clock_differences_are_forgiven() {
    let world = world().await;
    let now = world.clock.now().timestamp();
    world.verify(&GOOGLE.sign(&world.claims_with("exp", json!(now - 30)))).await.unwrap();
    world.verify(&GOOGLE.sign(&world.claims_with("iat", json!(now + 30)))).await.unwrap();
}

#[tokio::test]
async fn a_verified_token_is_remembered_until_it_expires() {
    let world = world().await;
    let token = GOOGLE.sign(&world.claims());
    world.verify(&token).await.unwrap();
    world.server.reset().await;
    world.clock.advance(TimeDelta::seconds(3_599));
    world.verify(&token).await.unwrap();
    world.clock.advance(TimeDelta::seconds(61));
    assert_eq!(world.verify(&token).await, Err(TokenRefusal::Expired.into()));
}

#[tokio::test]
async fn without_a_service_account_all_are_refused() {
    let world = world().await;
    let jwks = world.verifier.jwks.clone();
    let rules = PushRules { service_account: None, ..world.verifier.rules.clone() };
    let closed = PushVerifier::new(jwks, rules, Arc::new(world.clock.clone()));
    let header = format!("Bearer {}", GOOGLE.sign(&world.claims()));
    assert_eq!(closed.verify(Some(&header)).await, Err(PushRefusal::NotConfigured));
}

#[tokio::test]
async fn unreachable_keys_are_no_verdict() {
    let world = world().await;
    world.server.reset().await;
    let refusal = world.verify(&GOOGLE.sign(&world.claims())).await.unwrap_err();
    assert!(refusal.is_temporary());
}
