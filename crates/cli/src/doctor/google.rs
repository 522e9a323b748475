//! Google: keys that can be fetched, a client that Google knows, and settings for pushes that fit each other.

use std::time::Duration;

use postrider_domain::Secret;
use postrider_google_auth::service_account::KeyFile;
use postrider_runtime::Env;
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
        let half = ["PUBSUB_SERVICE_ACCOUNT", "PUBSUB_SUBSCRIPTION", "PUBSUB_PULL_SUBSCRIPTION"];
        return vec![match half.into_iter().find(|name| env.optional(name).is_some()) {
            Some(name) => Finding::warn(
                AREA,
                format!(
                    "{name} is set and GMAIL_PUBSUB_TOPIC is not: Gmail is not asked to push, mail comes by polling"
                ),
                "Set GMAIL_PUBSUB_TOPIC to the subscription's topic (`postrider google setup` prints all of them)",
            ),
            None => Finding::ok(AREA, "no topic is set: mail comes by polling"),
        }];
    }
    let pulled = env.optional("PUBSUB_PULL_SUBSCRIPTION").map(|name| pulled(env, &name));
    if env.optional("PUBSUB_SERVICE_ACCOUNT").is_none() {
        if let Some(pulled) = pulled {
            return vec![pulled];
        }
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
    std::iter::once(Finding::ok(AREA, format!("pushes are expected at {here}"))).chain(pulled).collect()
}

/// Messages that are fetched: by whom.
fn pulled(env: &Env, subscription: &str) -> Finding {
    const NAME: &str = "PUBSUB_CREDENTIALS";
    let remedy =
        "Set it to the path of a key file of the account that pulls, or to `metadata` on Google's own machines";
    let Some(path) = env.optional(NAME) else {
        return Finding::fail(AREA, format!("PUBSUB_PULL_SUBSCRIPTION is set and {NAME} is not"), remedy);
    };
    if path == "metadata" {
        return Finding::ok(AREA, format!("messages are pulled from {subscription} by this machine's account"));
    }
    let key = std::fs::read_to_string(&path).map_err(|error| error.to_string());
    match key.and_then(|text| KeyFile::parse(&Secret::new(text)).map_err(|error| error.to_string())) {
        Ok(_key) => Finding::ok(AREA, format!("messages are pulled from {subscription} by a key file's account")),
        Err(why) => Finding::fail(AREA, format!("{NAME} is {path}, which is no key file: {why}"), remedy),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    #[test]
    fn pulling_needs_credentials_and_no_signing_account() {
        let told = |credentials: Option<&str>| {
            let env = Env::from_pairs(credentials.map(|path| ("PUBSUB_CREDENTIALS", path)));
            pulled(&env, "projects/p/subscriptions/s")
        };
        assert_eq!(told(Some("metadata")).verdict, Verdict::Ok);
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "hunter2").unwrap();
        for wrong in [None, Some("/nowhere.json"), file.path().to_str()] {
            let finding = told(wrong);
            assert!(finding.verdict == Verdict::Fail && finding.text.contains("PUBSUB_CREDENTIALS"), "{finding:?}");
            assert!(!finding.text.contains("hunter2") && finding.remedy.unwrap().contains("key file"));
        }
    }
}
