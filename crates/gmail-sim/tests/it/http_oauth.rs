//! The sign-in as a client sees it.

use std::collections::HashMap;

use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use postrider_gmail_sim::OAuthConfig;
use reqwest::{Method, Response};
use serde_json::{Value, json};
use url::Url;

use crate::client::{ADDRESS, Client, start};

const CALLBACK: &str = "http://localhost:9/cb";
// Example of RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const SCOPE: &str = "openid email https://www.googleapis.com/auth/gmail.readonly";

fn parameters() -> Vec<(&'static str, String)> {
    [
        ("client_id", OAuthConfig::default().client_id.as_str()),
        ("redirect_uri", CALLBACK),
        ("response_type", "code"),
        ("scope", SCOPE),
        ("state", "s p&ce"),
        ("nonce", "n-1"),
        ("access_type", "offline"),
        ("prompt", "consent"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
        ("login_hint", ADDRESS),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .into()
}

async fn authorize(client: &Client, parameters: &[(&str, String)]) -> Response {
    let url = format!("{}/o/oauth2/v2/auth", client.server.base_url());
    client.http.get(url).query(parameters).send().await.unwrap()
}

fn redirected(answer: &Response) -> HashMap<String, String> {
    assert_eq!(answer.status(), 302);
    let url = Url::parse(answer.headers()["location"].to_str().unwrap()).unwrap();
    assert!(url.as_str().starts_with(CALLBACK));
    url.query_pairs().into_owned().collect()
}

async fn token(client: &Client, form: &[(&str, &str)]) -> (u16, Value) {
    let config = OAuthConfig::default();
    let mut all = vec![("client_id", config.client_id.as_str()), ("client_secret", config.client_secret.as_str())];
    all.extend(form);
    let url = format!("{}/token", client.server.base_url());
    let answer = client.http.post(url).form(&all).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

async fn exchange(client: &Client, code: &str, verifier: &str) -> (u16, Value) {
    let form =
        [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", CALLBACK), ("code_verifier", verifier)];
    token(client, &form).await
}

async fn verified(client: &Client, token: &str, audience: &str) -> Value {
    let jwks = client.http.get(format!("{}/oauth2/v3/certs", client.server.base_url())).send().await.unwrap();
    assert!(jwks.headers().contains_key("cache-control"));
    let jwks: Value = jwks.json().await.unwrap();
    let kid = jsonwebtoken::decode_header(token).unwrap().kid.unwrap();
    let key = jwks["keys"].as_array().unwrap().iter().find(|key| key["kid"] == kid).unwrap().clone();
    let key = DecodingKey::from_rsa_components(key["n"].as_str().unwrap(), key["e"].as_str().unwrap()).unwrap();
    let mut rules = Validation::new(Algorithm::RS256);
    rules.set_audience(&[audience]);
    rules.set_issuer(&["https://accounts.google.com"]);
    // The simulator's clock stands at the start of 2026.
    rules.validate_exp = false;
    jsonwebtoken::decode::<Value>(token, &key, &rules).unwrap().claims
}

#[tokio::test]
async fn the_whole_flow_with_pkce_id_token_refresh_and_revoke() {
    let client = start(1, |_| ()).await;
    let back = redirected(&authorize(&client, &parameters()).await);
    assert_eq!((back["state"].as_str(), back["scope"].as_str()), ("s p&ce", SCOPE));
    let (status, answer) = exchange(&client, &back["code"], VERIFIER).await;
    assert_eq!((status, &answer["token_type"], &answer["scope"]), (200, &json!("Bearer"), &json!(SCOPE)));
    let claims = verified(&client, answer["id_token"].as_str().unwrap(), &OAuthConfig::default().client_id).await;
    let sub = client.server.world().account(ADDRESS).unwrap().sub;
    assert_eq!(
        (&claims["sub"], &claims["email"], &claims["email_verified"], &claims["nonce"]),
        (&json!(sub), &json!(ADDRESS), &json!(true), &json!("n-1"))
    );

    let refresh = answer["refresh_token"].as_str().unwrap();
    let (status, again) = token(&client, &[("grant_type", "refresh_token"), ("refresh_token", refresh)]).await;
    assert_eq!((status, again.get("refresh_token")), (200, None));

    let url = format!("{}/revoke", client.server.base_url());
    let revoke = |token: String| client.http.post(&url).form(&[("token", token)]).send();
    assert_eq!(revoke(again["access_token"].as_str().unwrap().to_owned()).await.unwrap().status(), 200);
    let (status, dead) = token(&client, &[("grant_type", "refresh_token"), ("refresh_token", refresh)]).await;
    assert_eq!((status, &dead["error"]), (400, &json!("invalid_grant")));
    assert_eq!(revoke(refresh.to_owned()).await.unwrap().status(), 400);
}

#[tokio::test]
async fn a_wrong_verifier_or_client_is_refused() {
    let client = start(1, |_| ()).await;
    let back = redirected(&authorize(&client, &parameters()).await);
    let (status, answer) = exchange(&client, &back["code"], "wrong").await;
    assert_eq!((status, &answer["error"]), (400, &json!("invalid_grant")));
    let other = vec![("grant_type", "refresh_token"), ("refresh_token", "x"), ("client_secret", "no")];
    assert_eq!(token(&client, &other).await.0, 401);
    for (name, value) in [
        ("client_id", "other"),
        ("redirect_uri", "nonsense"),
        ("response_type", "token"),
        ("code_challenge_method", "plain"),
        ("scope", ""),
        ("login_hint", "nobody@example.com"),
    ] {
        let changed: Vec<_> = parameters()
            .into_iter()
            .map(|(key, old)| if key == name { (key, value.to_owned()) } else { (key, old) })
            .collect();
        assert_eq!(authorize(&client, &changed).await.status(), 400, "{name}");
    }
}

#[tokio::test]
async fn the_page_lets_the_user_choose_untick_and_deny() {
    let client = start(1, |config| config.oauth.auto_consent = false).await;
    client.server.world().create_mailbox(&postrider_gmail_sim::MailboxSpec::new("<b>@example.com", 0)).unwrap_err();
    client.server.world().create_mailbox(&postrider_gmail_sim::MailboxSpec::new("second&co@example.com", 0)).unwrap();
    let page = authorize(&client, &parameters()).await;
    assert_eq!(page.status(), 200);
    let page = page.text().await.unwrap();
    assert!(page.contains(ADDRESS) && page.contains("second&amp;co@example.com") && page.contains("s p&amp;ce"));

    let submit = |extra: Vec<(&'static str, String)>| {
        let form: Vec<_> = parameters().into_iter().chain(extra).collect();
        client.http.post(format!("{}/o/oauth2/v2/auth", client.server.base_url())).form(&form).send()
    };
    let denied = submit(vec![("action", "deny".into())]).await.unwrap();
    assert_eq!(redirected(&denied)["error"], "access_denied");
    let chosen = vec![
        ("account", "second&co@example.com".to_owned()),
        ("granted", "openid".to_owned()),
        ("granted", "email".to_owned()),
        ("action", "allow".to_owned()),
    ];
    let back = redirected(&submit(chosen).await.unwrap());
    let (_, answer) = exchange(&client, &back["code"], VERIFIER).await;
    assert_eq!(answer["scope"], "openid email");
    let claims = verified(&client, answer["id_token"].as_str().unwrap(), &OAuthConfig::default().client_id).await;
    assert_eq!(claims["email"], "second&co@example.com");
}

#[tokio::test]
async fn control_revokes_rotates_and_unticks() {
    let client = start(1, |_| ()).await;
    client.sim(Method::PUT, "/oauth", json!({"unticked": ["https://www.googleapis.com/auth/gmail.readonly"]})).await;
    let back = redirected(&authorize(&client, &parameters()).await);
    assert_eq!(back["scope"], "openid email");
    let (_, answer) = exchange(&client, &back["code"], VERIFIER).await;
    client.sim(Method::POST, "/revoke", json!({"account": ADDRESS, "how": "refresh_only"})).await;
    let refresh = answer["refresh_token"].as_str().unwrap();
    assert_eq!(token(&client, &[("grant_type", "refresh_token"), ("refresh_token", refresh)]).await.0, 400);

    let before = client.server.sim().keys.current().unwrap().kid.clone();
    client.sim(Method::POST, "/rotate-keys", json!({})).await;
    assert_ne!(client.server.sim().keys.current().unwrap().kid, before);
    // A token signed before stays good: the old key is still listed.
    verified(&client, answer["id_token"].as_str().unwrap(), &OAuthConfig::default().client_id).await;
    let signed =
        client.sim(Method::POST, "/sign", json!({"aud": "x", "iss": "https://accounts.google.com", "exp": 1})).await;
    assert_eq!(verified(&client, signed["token"].as_str().unwrap(), "x").await["exp"], 1);
}
