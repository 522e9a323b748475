//! Consent, exchange, refresh, revocation, and push tokens.

use std::sync::Arc;

use postrider_domain::{EmailAddress, Secret, SystemClock};
use postrider_google_auth::oauth::{GMAIL_READONLY, OAuthError};
use postrider_google_auth::oidc::{PushRefusal, PushRules, PushVerifier, TokenRefusal};
use serde_json::json;

use crate::harness::{ADDRESS, World};

#[tokio::test(flavor = "multi_thread")]
async fn a_consent_becomes_a_verified_grant() {
    let world = World::start().await;
    let (code, verifier) = world.consent().await;
    let grant = world.exchange(&code, &verifier).await.unwrap();
    assert!(grant.scopes.covers(GMAIL_READONLY) && grant.refresh_token.is_some());
    let who = grant.id_token.unwrap();
    assert_eq!(who.email.unwrap().lookup_key(), ADDRESS);
    assert_eq!(who.sub.as_str(), world.sim.world().account(ADDRESS).unwrap().sub);
    assert!(who.email_verified);
    assert_eq!(world.exchange(&code, &verifier).await.unwrap_err(), OAuthError::InvalidGrant);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_without_its_verifier_is_worthless() {
    let world = World::start().await;
    let (code, _) = world.consent().await;
    let stolen = world.exchange(&code, &Secret::new("a".repeat(43))).await;
    assert_eq!(stolen.unwrap_err(), OAuthError::InvalidGrant);
}

#[tokio::test(flavor = "multi_thread")]
async fn unticked_scopes_are_seen() {
    let world = World::start().await;
    world.sim.sim().oauth.configure(|config| config.unticked = vec![GMAIL_READONLY.to_owned()]);
    let (code, verifier) = world.consent().await;
    let grant = world.exchange(&code, &verifier).await.unwrap();
    assert_eq!(grant.scopes.missing([GMAIL_READONLY, "openid"]), [GMAIL_READONLY]);
}

#[tokio::test(flavor = "multi_thread")]
async fn revoking_ends_the_grant() {
    let world = World::start().await;
    let (code, verifier) = world.consent().await;
    let refresh = world.exchange(&code, &verifier).await.unwrap().refresh_token.unwrap();
    world.oauth.refresh(&refresh).await.unwrap();
    world.oauth.revoke(&refresh).await.unwrap();
    assert_eq!(world.oauth.refresh(&refresh).await.unwrap_err(), OAuthError::InvalidGrant);
    world.oauth.revoke(&refresh).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn push_tokens_of_the_simulator_pass() {
    let world = World::start().await;
    let account = "push@example.iam.gserviceaccount.com";
    let rules = PushRules {
        audience: "http://localhost/push".to_owned(),
        service_account: Some(EmailAddress::parse(account).unwrap()),
        issuer: "https://accounts.google.com".to_owned(),
    };
    let verifier = PushVerifier::new(world.jwks.clone(), rules, Arc::new(SystemClock));
    let sim = world.sim.sim();
    let token = |audience: &str| {
        let now = sim.token_time().timestamp();
        let claims = json!({"iss": "https://accounts.google.com", "aud": audience, "email": account,
            "email_verified": true, "iat": now, "exp": now + 3_600});
        format!("Bearer {}", sim.sign(&claims).unwrap())
    };
    verifier.verify(Some(&token("http://localhost/push"))).await.unwrap();
    let other = verifier.verify(Some(&token("http://localhost/other"))).await;
    assert_eq!(other, Err(PushRefusal::Token(TokenRefusal::Audience)));
}
