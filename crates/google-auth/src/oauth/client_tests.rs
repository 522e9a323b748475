//! The client against a token endpoint that answers as Google does, and as it should not.

use std::collections::HashMap;

use postrider_domain::{MockClock, SeededEntropy};
use postrider_testing::MockServer;
use serde_json::{Value, json};
use wiremock::matchers::{body_string_contains, method, path};
use wiremock::{Mock, ResponseTemplate};

use super::*;
use crate::oauth::{GMAIL_READONLY, random_token};
use crate::oidc::forge::{GOOGLE, by_hand};

struct World {
    server: MockServer,
    client: OAuthClient,
    clock: MockClock,
}

async fn world() -> World {
    let server = MockServer::start().await;
    let clock = MockClock::default();
    let url = |path: &str| format!("{}{path}", server.uri()).parse::<Url>().unwrap();
    let config = OAuthConfig {
        client_id: "client.apps".to_owned(),
        client_secret: Secret::new("shh"),
        auth_url: url("/o/oauth2/v2/auth"),
        token_url: url("/token"),
        revoke_url: url("/revoke"),
        issuer: "https://accounts.google.com".to_owned(),
    };
    let client = OAuthClient::new(config, Arc::new(clock.clone())).unwrap();
    World { server, client, clock }
}

impl World {
    async fn answers(&self, at: &str, status: u16, body: Value) {
        let answer = ResponseTemplate::new(status).set_body_json(body);
        Mock::given(method("POST")).and(path(at)).respond_with(answer).mount(&self.server).await;
    }

    fn id_token(&self, change: impl Fn(&mut Value)) -> Value {
        let now = self.clock.now().timestamp();
        let mut claims = json!({"iss": "accounts.google.com", "aud": "client.apps", "sub": "1087", "iat": now,
            "exp": now + 3_600, "email": "User@Example.com", "email_verified": true});
        change(&mut claims);
        claims
    }

    async fn exchange(&self) -> Result<Grant, OAuthError> {
        self.client.exchange(&Secret::new("4/code"), Some(&Secret::new("verifier")), "postmessage").await
    }
}

#[tokio::test]
async fn the_consent_url_asks_for_everything_needed() {
    let world = world().await;
    let entropy = SeededEntropy::new(7);
    let (state, verifier) = (random_token(&entropy), random_token(&entropy));
    assert_eq!((state.expose().len(), state.expose() == verifier.expose()), (43, false));
    let hint = EmailAddress::parse("a@b.example").unwrap();
    let url = world.client.authorize_url(&AuthorizeRequest {
        redirect_uri: "http://localhost:8000/gmail/auth/callback",
        state: &state,
        verifier: &verifier,
        scopes: &Scopes::parse(&format!("openid email {GMAIL_READONLY}")),
        login_hint: Some(&hint),
    });
    let query: HashMap<_, _> = url.query_pairs().into_owned().collect();
    for (name, value) in [
        ("response_type", "code"),
        ("client_id", "client.apps"),
        ("redirect_uri", "http://localhost:8000/gmail/auth/callback"),
        ("access_type", "offline"),
        ("prompt", "consent"),
        ("code_challenge_method", "S256"),
        ("login_hint", "a@b.example"),
        ("state", state.expose()),
    ] {
        assert_eq!(query.get(name).map(String::as_str), Some(value), "{name}");
    }
    assert!(query["scope"].contains(GMAIL_READONLY) && query["scope"].contains("openid"));
    assert!(!url.as_str().contains(verifier.expose()) && !url.as_str().contains("shh"));
}

#[tokio::test]
async fn a_code_becomes_a_grant() {
    let world = world().await;
    let id_token = GOOGLE.sign(&world.id_token(|_| {}));
    let answer = ResponseTemplate::new(200).set_body_json(json!({"access_token": "ya29", "expires_in": 3599,
        "refresh_token": "1//r", "scope": format!("openid {GMAIL_READONLY}"), "token_type": "Bearer",
        "id_token": id_token, "refresh_token_expires_in": 604_799}));
    Mock::given(method("POST"))
        .and(path("/token"))
        .and(body_string_contains("code_verifier=verifier"))
        .and(body_string_contains("redirect_uri=postmessage"))
        .and(body_string_contains("client_secret=shh"))
        .respond_with(answer)
        .mount(&world.server)
        .await;
    let grant = world.exchange().await.unwrap();
    assert_eq!(grant.refresh_token.unwrap().expose(), "1//r");
    assert_eq!(grant.expires_at, world.clock.now() + TimeDelta::seconds(3_599));
    assert!(grant.scopes.covers(GMAIL_READONLY));
    let who = grant.id_token.unwrap();
    assert_eq!((who.sub.as_str(), who.email_verified), ("1087", true));
    assert_eq!(who.email.unwrap().lookup_key(), "user@example.com");
}

/// The code is spent once the token endpoint answered: nothing that is fetched from elsewhere, and no clock of ours that
/// is behind, may cost the grant.
#[tokio::test]
async fn who_consented_is_known_without_keys_and_with_a_slow_clock() {
    let world = world().await;
    let late = world.id_token(|claims| {
        claims["iat"] = json!(claims["iat"].as_i64().unwrap() + 600);
        claims["exp"] = json!(claims["exp"].as_i64().unwrap() + 600);
    });
    world
        .answers("/token", 200, json!({"access_token": "ya29", "token_type": "Bearer", "id_token": GOOGLE.sign(&late)}))
        .await;
    assert_eq!(world.exchange().await.unwrap().id_token.unwrap().sub.as_str(), "1087");
    let asked = world.server.received_requests().await.unwrap();
    assert!(asked.iter().all(|request| request.url.path() == "/token"), "{asked:?}");
}

#[tokio::test]
async fn foreign_id_tokens_spoil_the_grant() {
    let world = world().await;
    let forgeries = [
        GOOGLE.sign(&world.id_token(|claims| claims["aud"] = json!("other.apps"))),
        GOOGLE.sign(&world.id_token(|claims| claims["iss"] = json!("https://evil.example"))),
        GOOGLE.sign(&world.id_token(|claims| claims["exp"] = json!(1))),
        GOOGLE.sign(&world.id_token(|claims| claims["sub"] = json!(""))),
        by_hand(&json!({"alg": "RS256"}), &json!({"sub": "1087"}), "signature"),
        format!("{}.more", GOOGLE.sign(&world.id_token(|_| {}))),
        "garbage".to_owned(),
    ];
    for token in forgeries {
        let scope = Mock::given(method("POST")).and(path("/token")).respond_with(
            ResponseTemplate::new(200)
                .set_body_json(json!({"access_token": "ya29", "token_type": "Bearer", "id_token": token})),
        );
        let _guard = scope.mount_as_scoped(&world.server).await;
        assert!(matches!(world.exchange().await, Err(OAuthError::IdToken(_))), "{token}");
    }
}

#[tokio::test]
async fn refusals_and_failures_are_told_apart() {
    let rows = [
        (400, json!({"error": "invalid_grant", "error_description": "Token has been expired or revoked."}), "grant"),
        (400, json!({"error": "admin_policy_enforced"}), "grant"),
        (401, json!({"error": "invalid_client", "error_description": "Unauthorized"}), "ours"),
        (400, json!({"error": "redirect_uri_mismatch"}), "ours"),
        (429, json!({"error": "rate_limit_exceeded"}), "later"),
        (500, json!({"error": "internal_failure"}), "later"),
        (503, json!({}), "later"),
        (302, json!({}), "later"),
        (200, json!({"no": "token"}), "later"),
    ];
    for (status, body, expected) in rows {
        let world = world().await;
        world.answers("/token", status, body.clone()).await;
        let error = world.client.refresh(&Secret::new("1//secret")).await.unwrap_err();
        let kind = match &error {
            error if error.needs_consent() => "grant",
            error if error.is_transient() => "later",
            _ => "ours",
        };
        assert_eq!(kind, expected, "{status} {body}");
        assert!(!format!("{error:?}{error}").contains("secret"));
    }
}

#[tokio::test]
async fn refreshing_keeps_quiet_about_what_did_not_change() {
    let world = world().await;
    world
        .answers("/token", 200, json!({"access_token": "ya29.2", "expires_in": 99_999_999, "token_type": "Bearer"}))
        .await;
    let refreshed = world.client.refresh(&Secret::new("1//r")).await.unwrap();
    assert_eq!(refreshed.access_token.expose(), "ya29.2");
    assert!(refreshed.refresh_token.is_none() && refreshed.scopes.is_none());
    assert_eq!(refreshed.expires_at, world.clock.now() + LONGEST_LIFETIME);
    assert!(!format!("{refreshed:?}").contains("ya29"));
}

#[tokio::test]
async fn revoking_twice_is_revoking() {
    let world = world().await;
    for (status, body, good) in [
        (200, json!({}), true),
        (400, json!({"error": "invalid_token", "error_description": "Token expired or revoked"}), true),
        (400, json!({"error": "invalid_request"}), false),
        (503, json!({}), false),
    ] {
        let answer = ResponseTemplate::new(status).set_body_json(body);
        let mock = Mock::given(method("POST")).and(path("/revoke")).and(body_string_contains("token=1%2F%2Fr"));
        let _guard = mock.respond_with(answer).mount_as_scoped(&world.server).await;
        assert_eq!(world.client.revoke(&Secret::new("1//r")).await.is_ok(), good, "{status}");
    }
}

#[tokio::test]
async fn an_unreachable_endpoint_is_transient() {
    let mut world = world().await;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let url: Url = format!("http://{address}/").parse().unwrap();
    world.client.revoke_url = url.clone();
    world.client.endpoints = world.client.endpoints.set_token_uri(TokenUrl::from_url(url));
    assert!(world.client.refresh(&Secret::new("x")).await.unwrap_err().is_transient());
    assert!(world.client.revoke(&Secret::new("x")).await.unwrap_err().is_transient());
}

#[tokio::test]
async fn an_empty_scope_takes_nothing_away() {
    let world = world().await;
    world.answers("/token", 200, json!({"access_token": "ya29", "token_type": "Bearer", "scope": ""})).await;
    assert!(world.client.refresh(&Secret::new("1//r")).await.unwrap().scopes.is_none());
    assert!(world.exchange().await.unwrap().scopes.is_empty());
}
