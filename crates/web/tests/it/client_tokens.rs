//! Clients' own tokens: HS256 by a secret, RS256 and ES256 by a key set.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use postrider_domain::{Clock, MockClock, Secret};
use postrider_testing::MockServer;
use postrider_web::client_tokens::{ClaimNames, ClientTokenRules, ClientTokens, Keys, TokenRefused};
use postrider_web::{Scope, Scopes};
use serde_json::{Value, json};
use wiremock::matchers::any;
use wiremock::{Mock, ResponseTemplate};

const SECRET: &str = "0123456789abcdef0123456789abcdef";
/// Made for these tests with `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256`.
const EC_KEY: &str = include_str!("keys/ec.pem");
/// Made for these tests with `openssl genpkey -algorithm RSA`.
const RSA_KEY: &str = include_str!("keys/rsa.pem");
/// Their public parts.
const KEY_SET: &str = include_str!("keys/jwks.json");

fn rules(keys: Keys) -> ClientTokenRules {
    ClientTokenRules { keys, issuer: None, audience: None, claims: ClaimNames::default() }
}

fn by_secret(clock: &MockClock) -> ClientTokens {
    ClientTokens::new(rules(Keys::Secret(Secret::new(SECRET))), Arc::new(clock.clone()))
}

fn payload(clock: &MockClock) -> Value {
    json!({ "sub": "ann", "tenant_id": "acme", "exp": clock.now().timestamp() + 600, "unknown": [1] })
}

fn hs256(payload: &Value) -> String {
    encode(&Header::new(Algorithm::HS256), payload, &EncodingKey::from_secret(SECRET.as_bytes())).unwrap()
}

fn with(mut payload: Value, name: &str, value: Value) -> Value {
    payload[name] = value;
    payload
}

#[tokio::test]
async fn a_token_names_tenant_user_and_scopes() {
    let clock = MockClock::default();
    let identity = by_secret(&clock).verify(&hs256(&payload(&clock))).await.unwrap();
    assert_eq!((identity.tenant.as_str(), identity.user.as_str()), ("acme", "ann"));
    assert_eq!(identity.scopes, Scopes::read_write());
    let admin = hs256(&with(payload(&clock), "scope", json!("read tenant:admin something")));
    let scopes = by_secret(&clock).verify(&admin).await.unwrap().scopes;
    assert_eq!(scopes, Scopes::from_iter([Scope::Read, Scope::TenantAdmin]));
}

#[tokio::test]
async fn scopes_are_a_text_or_a_list_and_a_token_with_none_of_ours_reads_and_writes() {
    let clock = MockClock::default();
    let tokens = by_secret(&clock);
    let scopes = async |scope: Value| tokens.verify(&hs256(&with(payload(&clock), "scope", scope))).await;
    for none in [json!(null), json!(""), json!("openid profile"), json!([]), json!(["openid", "offline_access"])] {
        assert_eq!(scopes(none.clone()).await.unwrap().scopes, Scopes::read_write(), "{none}");
    }
    for read in [json!("read"), json!("openid read"), json!(["read"]), json!(["openid", "profile read"])] {
        assert_eq!(scopes(read.clone()).await.unwrap().scopes, Scopes::from_iter([Scope::Read]), "{read}");
    }
    let admin = scopes(json!(["read", "tenant:admin"])).await.unwrap().scopes;
    assert_eq!(admin, Scopes::from_iter([Scope::Read, Scope::TenantAdmin]));
    for wrong in [json!(7), json!({"read": true}), json!(true), json!(["read", 7])] {
        assert!(matches!(scopes(wrong.clone()).await, Err(TokenRefused::Invalid(_))), "{wrong}");
    }
}

#[tokio::test]
async fn claims_may_have_other_names_and_lie_deeper() {
    let clock = MockClock::default();
    let claims = ClaimNames {
        user: "https://mail.example.com/user".into(),
        tenant: "org.id".into(),
        scope: "realm_access.roles".into(),
    };
    let rules = ClientTokenRules { claims, ..rules(Keys::Secret(Secret::new(SECRET))) };
    let tokens = ClientTokens::new(rules, Arc::new(clock.clone()));
    let payload = json!({
        "sub": "auth0|1", "tenant_id": "theirs", "scope": "write", "exp": clock.now().timestamp() + 600,
        "https://mail.example.com/user": "ann", "org": {"id": "acme"}, "realm_access": {"roles": ["read", "uma"]},
    });
    let identity = tokens.verify(&hs256(&payload)).await.unwrap();
    assert_eq!((identity.tenant.as_str(), identity.user.as_str()), ("acme", "ann"));
    assert_eq!(identity.scopes, Scopes::from_iter([Scope::Read]));
    // A member of the whole name comes first; the usual names mean nothing here.
    let whole = with(payload.clone(), "org.id", json!("other"));
    assert_eq!(tokens.verify(&hs256(&whole)).await.unwrap().tenant.as_str(), "other");
    for name in ["https://mail.example.com/user", "org"] {
        let lacking = with(payload.clone(), name, json!(null));
        assert!(matches!(tokens.verify(&hs256(&lacking)).await, Err(TokenRefused::Invalid(_))), "{name}");
    }
}

#[tokio::test]
async fn times_may_have_fractions() {
    let clock = MockClock::default();
    let (tokens, now) = (by_secret(&clock), clock.now().timestamp());
    let now = f64::from(u32::try_from(now).unwrap());
    for (name, value, holds) in [
        ("exp", now + 600.25, true),
        ("exp", now - 29.5, true),
        ("exp", now - 30.5, false),
        ("nbf", now + 29.5, true),
        ("nbf", now + 30.5, false),
        ("exp", 1e300, false),
        ("exp", -0.5, false),
    ] {
        let verdict = tokens.verify(&hs256(&with(payload(&clock), name, json!(value)))).await;
        assert_eq!(verdict.is_ok(), holds, "{name} {value}: {verdict:?}");
    }
    // The last instant there is, and the first that is none.
    for (exp, holds) in [(8_210_266_876_799_i64, true), (8_210_266_876_800, false)] {
        let verdict = tokens.verify(&hs256(&with(payload(&clock), "exp", json!(exp)))).await;
        assert_eq!(verdict.is_ok(), holds, "{exp}: {verdict:?}");
    }
}

#[tokio::test]
async fn tokens_that_miss_something_or_are_old_are_refused() {
    let clock = MockClock::default();
    let tokens = by_secret(&clock);
    let base = payload(&clock);
    let now = clock.now().timestamp();
    let expired = tokens.verify(&hs256(&with(base.clone(), "exp", json!(now - 31)))).await.unwrap_err();
    let TokenRefused::Expired(who) = &expired else { panic!("{expired:?}") };
    assert_eq!((who.tenant.as_str(), who.user.as_str()), ("acme", "ann"));
    assert_eq!(postrider_web::Problem::from(expired).status.as_u16(), 401);
    let mut bad = vec![
        hs256(&with(with(base.clone(), "exp", json!(now - 31)), "nbf", json!(now + 31))),
        hs256(&with(base.clone(), "nbf", json!(now + 31))),
        hs256(&with(base.clone(), "sub", json!(""))),
        hs256(&with(base.clone(), "tenant_id", json!("x".repeat(129)))),
        hs256(&with(base.clone(), "tenant_id", json!(7))),
        hs256(&with(base.clone(), "exp", json!("soon"))),
        hs256(&with(base.clone(), "exp", json!(i64::MAX))),
        String::new(),
        "a.b.c".to_owned(),
        "x".repeat(100_000),
    ];
    for name in ["sub", "tenant_id", "exp"] {
        let mut payload = base.clone();
        payload.as_object_mut().unwrap().remove(name);
        bad.push(hs256(&payload));
    }
    let body = hs256(&base);
    let (_, rest) = body.split_once('.').unwrap();
    for header in [r#"{"alg":"none"}"#, r#"{"alg":"HS384"}"#, r#"{"alg":"RS256"}"#] {
        bad.push(format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header)));
        bad.push(format!("{}.{}.", URL_SAFE_NO_PAD.encode(header), rest.split('.').next().unwrap()));
    }
    let other = EncodingKey::from_secret(&[7; 32]);
    bad.push(encode(&Header::new(Algorithm::HS256), &base, &other).unwrap());
    for token in bad {
        let refused = tokens.verify(&token).await.unwrap_err();
        assert!(matches!(refused, TokenRefused::Invalid(_)), "{refused:?}");
        assert_eq!(postrider_web::Problem::from(refused).status.as_u16(), 401);
    }
}

#[tokio::test]
async fn issuer_and_audience_are_checked_when_they_are_set() {
    let clock = MockClock::default();
    let keys = Keys::Secret(Secret::new(SECRET));
    let rules = ClientTokenRules { issuer: Some("https://id".into()), audience: Some("mail".into()), ..rules(keys) };
    let tokens = ClientTokens::new(rules, Arc::new(clock.clone()));
    let good = with(with(payload(&clock), "iss", json!("https://id")), "aud", json!(["other", "mail"]));
    assert!(tokens.verify(&hs256(&good)).await.is_ok());
    for bad in [
        payload(&clock),
        with(good.clone(), "iss", json!("https://evil")),
        with(good.clone(), "aud", json!("other")),
        with(payload(&clock), "iss", json!("https://id")),
    ] {
        assert!(tokens.verify(&hs256(&bad)).await.is_err(), "{bad}");
    }
}

fn signed(algorithm: Algorithm, kid: &str, payload: &Value) -> String {
    let key = match algorithm {
        Algorithm::ES256 => EncodingKey::from_ec_pem(EC_KEY.as_bytes()),
        Algorithm::RS256 => EncodingKey::from_rsa_pem(RSA_KEY.as_bytes()),
        // The classic trick: the public key as an HMAC secret.
        _ => Ok(EncodingKey::from_secret(KEY_SET.as_bytes())),
    };
    encode(&Header { kid: Some(kid.to_owned()), ..Header::new(algorithm) }, payload, &key.unwrap()).unwrap()
}

async fn fetched(server: &MockServer) -> usize {
    server.received_requests().await.unwrap().len()
}

fn by_url(server: &MockServer, clock: &MockClock) -> ClientTokens {
    ClientTokens::new(rules(Keys::Jwks(server.uri().parse().unwrap())), Arc::new(clock.clone()))
}

#[tokio::test]
async fn keys_by_url_verify_rs256_and_es256_and_nothing_else() {
    let (server, clock) = (MockServer::start().await, MockClock::default());
    Mock::given(any()).respond_with(ResponseTemplate::new(200).set_body_string(KEY_SET)).mount(&server).await;
    let tokens = by_url(&server, &clock);
    for (algorithm, kid) in [(Algorithm::ES256, "ec"), (Algorithm::RS256, "rsa")] {
        assert!(tokens.verify(&signed(algorithm, kid, &payload(&clock))).await.is_ok(), "{kid}");
    }
    for (algorithm, kid) in [(Algorithm::HS256, "rsa"), (Algorithm::ES256, "rsa"), (Algorithm::RS256, "ec")] {
        assert!(tokens.verify(&signed(algorithm, kid, &payload(&clock))).await.is_err(), "{kid}");
    }
    assert!(tokens.verify(&hs256(&payload(&clock))).await.is_err(), "no kid");
    assert_eq!(fetched(&server).await, 1);
}

#[tokio::test]
async fn an_unknown_key_is_looked_for_again_but_not_at_any_rate() {
    let (server, clock) = (MockServer::start().await, MockClock::default());
    Mock::given(any()).respond_with(ResponseTemplate::new(200).set_body_string(KEY_SET)).mount(&server).await;
    let tokens = by_url(&server, &clock);
    for _ in 0..20 {
        assert!(tokens.verify(&signed(Algorithm::ES256, "new", &payload(&clock))).await.is_err());
    }
    assert_eq!(fetched(&server).await, 1);
    clock.advance(TimeDelta::seconds(31));
    assert!(tokens.verify(&signed(Algorithm::ES256, "new", &payload(&clock))).await.is_err());
    assert_eq!(fetched(&server).await, 2);
    assert!(tokens.verify(&signed(Algorithm::ES256, "ec", &payload(&clock))).await.is_ok());
    assert_eq!(fetched(&server).await, 2);
}

#[tokio::test]
async fn while_the_issuer_is_away_known_keys_stay_good_and_unknown_ones_are_not_judged() {
    let (server, clock) = (MockServer::start().await, MockClock::default());
    let tokens = by_url(&server, &clock);
    let refused = tokens.verify(&signed(Algorithm::ES256, "ec", &payload(&clock))).await.unwrap_err();
    assert_eq!(refused, TokenRefused::KeysUnavailable);
    assert_eq!(postrider_web::Problem::from(refused).status.as_u16(), 503);
    let up = Mock::given(any())
        .respond_with(ResponseTemplate::new(200).set_body_string(KEY_SET))
        .mount_as_scoped(&server)
        .await;
    clock.advance(TimeDelta::seconds(31));
    assert!(tokens.verify(&signed(Algorithm::ES256, "ec", &payload(&clock))).await.is_ok());
    drop(up);
    clock.advance(TimeDelta::hours(5));
    assert!(tokens.verify(&signed(Algorithm::ES256, "ec", &payload(&clock))).await.is_ok());
}

#[tokio::test]
async fn an_issuer_that_hangs_holds_nobody_up_whose_key_is_known() {
    let (server, clock) = (MockServer::start().await, MockClock::default());
    Mock::given(any())
        .respond_with(ResponseTemplate::new(200).set_body_string(KEY_SET))
        .up_to_n_times(1)
        .mount(&server)
        .await;
    // The second fetch gets no answer for longer than anybody would wait.
    Mock::given(any())
        .respond_with(ResponseTemplate::new(200).set_body_string(KEY_SET).set_delay(Duration::from_secs(60)))
        .mount(&server)
        .await;
    let tokens = by_url(&server, &clock);
    assert!(tokens.verify(&signed(Algorithm::ES256, "ec", &payload(&clock))).await.is_ok());
    clock.advance(TimeDelta::hours(2));
    for _ in 0..20 {
        let token = signed(Algorithm::ES256, "ec", &payload(&clock));
        let verified = tokio::time::timeout(Duration::from_secs(5), tokens.verify(&token)).await;
        assert!(verified.expect("a known key waits for nobody").is_ok());
    }
}
