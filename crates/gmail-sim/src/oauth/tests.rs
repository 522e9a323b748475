use postrider_domain::{Clock, MockClock};

use super::*;

fn account() -> Account {
    Account { address: "demo@example.com".into(), sub: "1000".into() }
}

fn consent(challenge: Option<&str>) -> Authorize {
    Authorize {
        client_id: OAuthConfig::default().client_id,
        redirect_uri: "http://localhost/cb".into(),
        scopes: vec!["openid".into(), "mail".into()],
        challenge: challenge.map(str::to_owned),
        nonce: Some("n1".into()),
        offline: true,
        consent: false,
    }
}

fn exchange(code: String, verifier: Option<&str>) -> TokenRequest {
    TokenRequest {
        grant_type: "authorization_code".into(),
        code,
        redirect_uri: "http://localhost/cb".into(),
        code_verifier: verifier.map(str::to_owned),
        client_id: OAuthConfig::default().client_id,
        client_secret: OAuthConfig::default().client_secret,
        ..TokenRequest::default()
    }
}

fn refresh(token: &str) -> TokenRequest {
    TokenRequest { grant_type: "refresh_token".into(), refresh_token: token.into(), ..exchange(String::new(), None) }
}

fn signed_in(oauth: &OAuth, now: Timestamp) -> TokenAnswer {
    let request = Authorize { consent: true, ..consent(None) };
    let code = oauth.authorize(&account(), request, now);
    oauth.token(&exchange(code, None), now).unwrap()
}

// Example of RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

#[test]
fn a_code_needs_its_verifier_and_works_once() {
    let (oauth, now) = (OAuth::new(OAuthConfig::default(), 1), MockClock::default().now());
    for wrong in [None, Some("something else")] {
        let code = oauth.authorize(&account(), consent(Some(CHALLENGE)), now);
        assert_eq!(oauth.token(&exchange(code.clone(), wrong), now).unwrap_err().error, "invalid_grant");
        assert!(oauth.token(&exchange(code, Some(VERIFIER)), now).is_err(), "one try only");
    }
    let code = oauth.authorize(&account(), consent(Some(CHALLENGE)), now);
    let answer = oauth.token(&exchange(code.clone(), Some(VERIFIER)), now).unwrap();
    assert_eq!(oauth.authenticate(&answer.access_token, now).unwrap().address, "demo@example.com");
    assert!(oauth.token(&exchange(code, Some(VERIFIER)), now).is_err());
}

#[test]
fn wrong_client_redirect_and_grant_type_are_told_apart() {
    let (oauth, now) = (OAuth::new(OAuthConfig::default(), 1), MockClock::default().now());
    let code = || oauth.authorize(&account(), consent(None), now);
    let fails = |request: TokenRequest| oauth.token(&request, now).unwrap_err().error;
    assert_eq!(fails(TokenRequest { client_secret: "no".into(), ..exchange(code(), None) }), "invalid_client");
    assert_eq!(fails(TokenRequest { client_id: "no".into(), ..exchange(code(), None) }), "invalid_client");
    assert_eq!(
        fails(TokenRequest { redirect_uri: "http://x/".into(), ..exchange(code(), None) }),
        "redirect_uri_mismatch"
    );
    assert_eq!(
        fails(TokenRequest { grant_type: "password".into(), ..exchange(code(), None) }),
        "unsupported_grant_type"
    );
    let late = now + TimeDelta::minutes(11);
    assert!(oauth.token(&exchange(code(), None), late).is_err());
}

#[test]
fn a_second_consent_without_prompt_gives_no_refresh_token() {
    let (oauth, now) = (OAuth::new(OAuthConfig::default(), 1), MockClock::default().now());
    let sign_in = |consented| {
        let request = Authorize { consent: consented, ..consent(None) };
        let code = oauth.authorize(&account(), request, now);
        oauth.token(&exchange(code, None), now).unwrap().refresh_token
    };
    assert!(sign_in(false).is_some());
    assert!(sign_in(false).is_none());
    assert!(sign_in(true).is_some());
}

#[test]
fn access_tokens_expire_and_refresh() {
    let (oauth, now) = (OAuth::new(OAuthConfig::default(), 1), MockClock::default().now());
    let answer = signed_in(&oauth, now);
    let later = now + TimeDelta::hours(1);
    assert!(oauth.authenticate(&answer.access_token, later).is_none());
    let again = oauth.token(&refresh(answer.refresh_token.as_deref().unwrap()), later).unwrap();
    assert!(again.refresh_token.is_none(), "kept, not rotated");
    assert!(oauth.authenticate(&again.access_token, later).is_some());
}

#[test]
fn revoking_any_token_ends_the_whole_grant() {
    let (oauth, now) = (OAuth::new(OAuthConfig::default(), 1), MockClock::default().now());
    let (a, b) = (signed_in(&oauth, now), signed_in(&oauth, now));
    assert!(oauth.revoke(&a.access_token));
    for answer in [&a, &b] {
        assert!(oauth.authenticate(&answer.access_token, now).is_none());
        assert_eq!(
            oauth.token(&refresh(answer.refresh_token.as_deref().unwrap()), now).unwrap_err().error,
            "invalid_grant"
        );
    }
    assert!(!oauth.revoke(&a.access_token));
}

#[test]
fn refresh_tokens_die_in_each_way() {
    let now = MockClock::default().now();
    let dead = |oauth: &OAuth, token: &str, at| oauth.token(&refresh(token), at).is_err();
    let oauth = OAuth::new(OAuthConfig::default(), 1);
    let answer = signed_in(&oauth, now);
    let token = answer.refresh_token.unwrap();
    assert!(dead(&oauth, &token, now + TimeDelta::days(184)), "unused for six months");
    oauth.kill(&account(), Death::AccessOnly);
    assert!(oauth.authenticate(&answer.access_token, now).is_none() && !dead(&oauth, &token, now));
    oauth.kill(&account(), Death::RefreshOnly);
    assert!(dead(&oauth, &token, now), "password changed");

    let testing = OAuth::new(OAuthConfig { refresh_days: Some(7), ..OAuthConfig::default() }, 1);
    let token = signed_in(&testing, now).refresh_token.unwrap();
    assert!(!dead(&testing, &token, now + TimeDelta::days(6)) && dead(&testing, &token, now + TimeDelta::days(8)));

    let first = signed_in(&oauth, now).refresh_token.unwrap();
    for _ in 0..100 {
        signed_in(&oauth, now);
    }
    assert!(dead(&oauth, &first, now), "the oldest of more than 100");

    let rotating = OAuth::new(OAuthConfig { rotate_refresh: true, ..OAuthConfig::default() }, 1);
    let old = signed_in(&rotating, now).refresh_token.unwrap();
    let new = rotating.token(&refresh(&old), now).unwrap().refresh_token.unwrap();
    assert!(dead(&rotating, &old, now) && !dead(&rotating, &new, now));
}

#[test]
fn a_desktop_client_is_sent_to_loopback_and_its_tokens_are_its_own() {
    let now = MockClock::default().now();
    let desktop = DesktopClient { client_id: "desk".into(), client_secret: "own".into() };
    let config = OAuthConfig {
        desktop: Some(desktop),
        redirect_uris: vec!["https://a.example/cb".into()],
        ..OAuthConfig::default()
    };
    assert!(config.leads_to("desk", "http://127.0.0.1:4711/") && !config.leads_to("desk", "https://a.example/cb"));
    let web = config.client_id.clone();
    assert!(config.leads_to(&web, "https://a.example/cb") && !config.leads_to(&web, "http://127.0.0.1:4711/"));
    let oauth = OAuth::new(config, 1);
    let code = oauth.authorize(&account(), Authorize { client_id: "desk".into(), ..consent(None) }, now);
    let own = |request: TokenRequest| TokenRequest { client_id: "desk".into(), client_secret: "own".into(), ..request };
    let wrong = TokenRequest { client_secret: "sim-secret".into(), ..own(exchange(code.clone(), None)) };
    assert_eq!(oauth.token(&wrong, now).unwrap_err().error, "invalid_client");
    let token = oauth.token(&own(exchange(code, None)), now).unwrap().refresh_token.unwrap();
    assert_eq!(oauth.token(&refresh(&token), now).unwrap_err().error, "unauthorized_client");
    assert!(oauth.token(&own(refresh(&token)), now).is_ok());
}
