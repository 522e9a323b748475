//! Google: keys that can be fetched, a client that Google knows, and settings for pushes that fit each other.

use std::time::Duration;

use postrider_runtime::config::PublicUrl;
use serde_json::Value;
use tokio::net::TcpStream;
use url::Url;

use super::{Finding, Installation};
use crate::google::PUSH_PATH;
use crate::http;
use crate::stack::Member;

const AREA: &str = "google";
const PATIENCE: Duration = Duration::from_secs(5);

pub async fn look(installation: &Installation) -> Vec<Finding> {
    if installation.programs.contains_key(&Member::GmailSim)
        && TcpStream::connect(("127.0.0.1", installation.ports.of(Member::GmailSim, 0))).await.is_err()
    {
        return vec![Finding::warn(AREA, "the simulated Google does not run", "`make up` starts it with the services")];
    }
    let (keys, client) = tokio::join!(keys(installation), client(installation));
    [keys, client, push(installation)].concat()
}

/// Whoever signs tokens: Google, and the clients' own provider.
async fn keys(installation: &Installation) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, what) in [("GOOGLE_JWKS_URL", "pushes"), ("JWT_JWKS_URL", "clients' tokens")] {
        let Some(url) = installation.env.optional(name) else { continue };
        findings.push(match fetched(&url).await {
            Ok(0) => Finding::fail(
                AREA,
                format!("{url} has no keys"),
                format!("Correct {name}: without keys {what} are refused"),
            ),
            Ok(count) => Finding::ok(AREA, format!("{count} keys for {what}")),
            Err(said) => Finding::fail(
                AREA,
                format!("keys for {what} cannot be fetched from {url}: {said}"),
                format!("Let this machine reach it (HTTPS, names), or correct {name}"),
            ),
        });
    }
    findings
}

async fn fetched(url: &str) -> Result<usize, String> {
    let plain = |error: reqwest::Error| error.without_url().to_string();
    let client = http::client().map_err(|error| error.to_string())?;
    let answer = client.get(url).timeout(PATIENCE).send().await.map_err(plain)?;
    let answer: Value = answer.error_for_status().map_err(plain)?.json().await.map_err(plain)?;
    Ok(answer.get("keys").and_then(Value::as_array).map_or(0, Vec::len))
}

/// A code that nobody was given: of a client it knows Google says that the code is wrong, of another one that the client is.
async fn client(installation: &Installation) -> Vec<Finding> {
    let env = &installation.env;
    let Some(id) = env.optional("GOOGLE_CLIENT_ID") else {
        let remedy = "Set GOOGLE_CLIENT_ID and GOOGLE_CLIENT_SECRET (docs/google.md)";
        return vec![Finding::warn(AREA, "no OAuth client is set: nobody can connect", remedy)];
    };
    let secret = match env.optional_secret("GOOGLE_CLIENT_SECRET") {
        Ok(Some(secret)) => secret,
        Ok(None) => {
            let remedy = "Set it to the secret of the OAuth client, or GOOGLE_CLIENT_SECRET_FILE to a file with it";
            return vec![Finding::fail(AREA, "GOOGLE_CLIENT_ID is set and GOOGLE_CLIENT_SECRET is not", remedy)];
        }
        Err(errors) => return vec![Finding::fail(AREA, errors.to_string().trim(), "Correct the setting")],
    };
    let Some(url) = env.optional("GOOGLE_TOKEN_URL") else { return Vec::new() };
    let redirect = env
        .optional("GOOGLE_REDIRECT_URI")
        .or_else(|| PublicUrl::load(env).ok().map(|public| format!("{}/gmail/auth/callback", public.origin())));
    let form = [
        ("grant_type", "authorization_code"),
        ("code", "postrider-doctor"),
        ("client_id", &id),
        ("client_secret", secret.expose()),
        ("redirect_uri", redirect.as_deref().unwrap_or_default()),
    ];
    let Ok(client) = http::client() else { return Vec::new() };
    let answer = match client.post(&url).form(&form).timeout(PATIENCE).send().await {
        Ok(answer) => answer.json::<Value>().await.unwrap_or_default(),
        Err(error) => {
            let text = format!("{url} does not answer: {}", error.without_url());
            return vec![Finding::fail(AREA, text, "Let this machine reach Google (HTTPS, names)")];
        }
    };
    vec![match answer.get("error").and_then(Value::as_str) {
        Some("invalid_grant") => Finding::ok(AREA, "the OAuth client is known there"),
        Some("redirect_uri_mismatch") => Finding::fail(
            AREA,
            "the OAuth client does not list our way back",
            format!("Add {} to its authorised redirect URIs", redirect.unwrap_or_default()),
        ),
        Some("invalid_client" | "unauthorized_client") => Finding::fail(
            AREA,
            "the OAuth client is refused",
            "Compare GOOGLE_CLIENT_ID and GOOGLE_CLIENT_SECRET with the client's page in the Google Cloud console",
        ),
        other => Finding::warn(
            AREA,
            format!("{url} answered {} to a code that nobody was given", other.unwrap_or("nothing readable")),
            "Expected is invalid_grant: is GOOGLE_TOKEN_URL Google's?",
        ),
    }]
}

/// Topic, account and audience belong together.
fn push(installation: &Installation) -> Vec<Finding> {
    let env = &installation.env;
    if env.optional("GMAIL_PUBSUB_TOPIC").is_none() {
        return vec![Finding::ok(AREA, "no topic is set: mail comes by polling")];
    }
    if env.optional("PUBSUB_SERVICE_ACCOUNT").is_none() {
        let remedy = "Set it to the account of the push subscription; until then every push is refused";
        return vec![Finding::fail(AREA, "GMAIL_PUBSUB_TOPIC is set and PUBSUB_SERVICE_ACCOUNT is not", remedy)];
    }
    let Ok(public) = PublicUrl::load(env) else { return Vec::new() };
    let here = format!("{}{PUSH_PATH}", public.origin());
    let audience = env.optional("PUBSUB_AUDIENCE").unwrap_or_else(|| here.clone());
    if audience != here && Url::parse(&audience).is_ok() {
        return vec![Finding::warn(
            AREA,
            format!("PUBSUB_AUDIENCE is {audience}, but Google pushes to {here}"),
            "A subscription without an audience of its own has its push address as audience: leave PUBSUB_AUDIENCE empty then",
        )];
    }
    vec![Finding::ok(AREA, format!("pushes are expected at {here}"))]
}
