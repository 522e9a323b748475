use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use postrider_domain::{MockClock, TenantId, UserId};

use super::*;
use crate::scope::Scopes;

fn keys(pairs: &[(&str, &str)]) -> InternalKeys {
    let entries = pairs.iter().map(|(pair, seed)| format!("{pair}:{}", STANDARD.encode(seed.repeat(32))));
    InternalKeys::parse(&entries.collect::<Vec<_>>().join(",")).unwrap()
}

fn claims() -> Claims {
    Claims {
        tenant: Some(TenantId::parse("acme").unwrap()),
        user: Some(UserId::parse("ann").unwrap()),
        scopes: Scopes::read_write(),
        request_id: "r-1".to_owned(),
    }
}

fn pair() -> (InternalTokens, InternalTokens, MockClock) {
    let clock = MockClock::default();
    let keys = keys(&[("gateway>connector", "a"), ("gateway>notification", "b"), ("sync-worker>connector", "c")]);
    let tokens = |name: &str| InternalTokens::new(keys.clone(), name, Arc::new(clock.clone()));
    (tokens("gateway"), tokens("connector"), clock)
}

#[test]
fn the_callee_learns_who_calls_for_whom() {
    let (gateway, connector, _clock) = pair();
    let token = gateway.issue("connector", claims()).unwrap();
    let verified = connector.verify(token.expose()).unwrap();
    assert_eq!((verified.caller.as_str(), verified.claims), ("gateway", claims()));
}

#[test]
fn a_token_holds_for_a_minute() {
    let (gateway, connector, clock) = pair();
    let token = gateway.issue("connector", claims()).unwrap();
    clock.advance(TimeDelta::seconds(60));
    assert!(connector.verify(token.expose()).is_ok());
    clock.advance(SKEW + TimeDelta::seconds(1));
    assert!(matches!(connector.verify(token.expose()), Err(TokenError::Clocks { age: 121, .. })));
    clock.advance(TimeDelta::seconds(-121 - 61));
    assert!(matches!(connector.verify(token.expose()), Err(TokenError::Clocks { age: -61, .. })));
}

/// Two machines: what one signs must hold at the other as long as their clocks differ by less than a token lives.
#[test]
fn clocks_may_differ_by_as_much_as_a_token_lives_and_then_the_error_says_what_to_do() {
    let here = MockClock::default();
    let keys = keys(&[("gateway>connector", "a")]);
    let gateway = InternalTokens::new(keys.clone(), "gateway", Arc::new(here.clone()));
    for (drift, holds) in [(-61, false), (-60, true), (-6, true), (6, true), (60, true), (121, false)] {
        let there = MockClock::at(here.now() + TimeDelta::seconds(drift));
        let connector = InternalTokens::new(keys.clone(), "connector", Arc::new(there));
        let verdict = connector.verify(gateway.issue("connector", claims()).unwrap().expose());
        assert_eq!(verdict.is_ok(), holds, "{drift}: {verdict:?}");
        if let Err(error) = verdict {
            let error = error.to_string();
            for word in ["gateway", "connector", &drift.abs().to_string(), "clocks", "NTP"] {
                assert!(error.contains(word), "{word}: {error}");
            }
        }
    }
}

#[test]
fn a_token_for_another_service_or_of_a_stranger_does_not_hold() {
    let (gateway, connector, clock) = pair();
    let other = gateway.issue("notification", claims()).unwrap();
    assert_eq!(connector.verify(other.expose()).unwrap_err(), TokenError::Signature);
    assert!(matches!(connector.issue("gateway", claims()), Err(TokenError::NoKey { .. })));
    let forger = InternalTokens::new(keys(&[("gateway>connector", "x")]), "gateway", Arc::new(clock));
    let forged = forger.issue("connector", claims()).unwrap();
    assert_eq!(connector.verify(forged.expose()).unwrap_err(), TokenError::Signature);
}

#[test]
fn one_caller_cannot_pose_as_another() {
    let (gateway, connector, clock) = pair();
    // Signed with gateway's key but naming sync-worker in header or payload.
    let (now, key) = (clock.now().timestamp(), "a".repeat(32));
    let payload =
        serde_json::json!({"iss": "sync-worker", "aud": "connector", "scope": "", "iat": now, "exp": now + 60});
    for kid in ["gateway", "sync-worker", "nobody"] {
        let header = Header { kid: Some(kid.to_owned()), ..Header::new(Algorithm::HS256) };
        let token = encode(&header, &payload, &EncodingKey::from_secret(key.as_bytes())).unwrap();
        assert!(connector.verify(&token).is_err(), "{kid}");
    }
    assert!(connector.verify(gateway.issue("connector", claims()).unwrap().expose()).is_ok());
}

#[test]
fn other_algorithms_and_nonsense_are_refused() {
    let (gateway, connector, clock) = pair();
    let token = gateway.issue("connector", claims()).unwrap();
    let (_, rest) = token.expose().split_once('.').unwrap();
    for header in [r#"{"alg":"none","kid":"gateway"}"#, r#"{"alg":"HS512","kid":"gateway"}"#, r#"{"alg":"HS256"}"#] {
        let forged = format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header));
        assert_eq!(connector.verify(&forged).unwrap_err(), TokenError::Malformed, "{header}");
    }
    for nonsense in ["", ".", "..", "a.b.c", &"x".repeat(10_000), "é.é.é"] {
        assert_eq!(connector.verify(nonsense).unwrap_err(), TokenError::Malformed);
    }
    let long = serde_json::json!({"iss": "gateway", "aud": "connector", "scope": "", "iat": clock.now().timestamp(),
        "exp": clock.now().timestamp() + 86_400});
    let header = Header { kid: Some("gateway".to_owned()), ..Header::new(Algorithm::HS256) };
    let token = encode(&header, &long, &EncodingKey::from_secret("a".repeat(32).as_bytes())).unwrap();
    assert_eq!(connector.verify(&token).unwrap_err(), TokenError::Time);
}

#[test]
fn while_a_key_is_changed_both_hold() {
    let clock = MockClock::default();
    let tokens = |keys, name: &str| InternalTokens::new(keys, name, Arc::new(clock.clone()));
    let old = tokens(keys(&[("gateway>connector", "a")]), "gateway");
    let new = tokens(keys(&[("gateway>connector", "b"), ("gateway>connector", "a")]), "gateway");
    let callee = tokens(keys(&[("gateway>connector", "b"), ("gateway>connector", "a")]), "connector");
    assert!(callee.verify(old.issue("connector", claims()).unwrap().expose()).is_ok());
    assert!(callee.verify(new.issue("connector", claims()).unwrap().expose()).is_ok());
}
