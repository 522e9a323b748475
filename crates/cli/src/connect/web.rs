//! By a Web client: the ordinary sign-in address, whose end comes to the gateway, or is pasted here.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use postrider_domain::EmailAddress;
use tokio::time::Instant;
use url::Url;

use super::{EVERY, Lines, appeared, pasted, shown, tell_other};
use crate::console::say;
use crate::gateway::{Connector, Consent, Gateway, passes};

/// Begins a sign-in, shows its address, and waits until its account appears or the address it ends at is pasted.
///
/// # Errors
/// The gateway refuses, nobody consented within `within`, or the hint is no address.
pub async fn by_web(
    gateway: &Gateway,
    hint: Option<&str>,
    lines: &mut Lines,
    within: Duration,
    show: impl AsyncFnOnce(&Url),
) -> Result<Connector> {
    hint.map(EmailAddress::parse).transpose().context("--user-email is no address")?;
    let before = gateway.connectors().await?;
    let consent = gateway.begin_consent().await?;
    let mut url = consent.url.clone();
    if let Some(hint) = hint {
        url.query_pairs_mut().append_pair("login_hint", hint);
    }
    show(&url).await;
    let (deadline, mut told) = (Instant::now() + within, false);
    loop {
        tokio::select! {
            line = lines.next() => match end(gateway, &consent, &line).await? {
                Some(id) => return shown(gateway, &id, within).await,
                None => continue,
            },
            () = tokio::time::sleep(EVERY) => {}
        }
        match gateway.connectors().await {
            Ok(now) => {
                if let Some(found) = appeared(&before, now.clone(), hint) {
                    return Ok(found);
                }
                tell_other(&mut told, &before, &now, hint);
            }
            // The person in the browser goes on meanwhile.
            Err(error) if passes(&error) => {}
            Err(error) => return Err(error),
        }
        if Instant::now() >= deadline {
            bail!("nobody consented within {} minutes: begin again", within.as_secs() / 60);
        }
    }
}

/// Ends the sign-in with what was pasted; nothing where that was something else, which is said.
async fn end(gateway: &Gateway, consent: &Consent, line: &str) -> Result<Option<String>> {
    if line.trim().is_empty() {
        return Ok(None);
    }
    match pasted(line, &consent.state) {
        Ok(url) => gateway.end_consent(consent, &url).await.map(Some),
        Err(why) => {
            say(format_args!("  {why}"));
            Ok(None)
        }
    }
}
