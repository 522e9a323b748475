//! By a Web client: the ordinary sign-in address, whose end comes to the gateway, or is pasted here.

use std::time::Duration;

use anyhow::{Result, bail};
use tokio::time::Instant;
use url::Url;

use super::{EVERY, Lines, appeared, pasted, shown};
use crate::console::say;
use crate::gateway::{Connector, Consent, Gateway};

/// Begins a sign-in, shows its address, and waits until its account appears or the address it ends at is pasted.
///
/// # Errors
/// The gateway refuses, or nobody consented within `within`.
pub async fn by_web(
    gateway: &Gateway,
    hint: Option<&str>,
    lines: &mut Lines,
    within: Duration,
    show: impl AsyncFnOnce(&Url),
) -> Result<Connector> {
    let before = gateway.connectors().await?;
    let consent = gateway.begin_consent().await?;
    let mut url = consent.url.clone();
    if let Some(hint) = hint {
        url.query_pairs_mut().append_pair("login_hint", hint);
    }
    show(&url).await;
    let deadline = Instant::now() + within;
    loop {
        tokio::select! {
            line = lines.next() => match end(gateway, &consent, &line).await? {
                Some(id) => return shown(gateway, &id, within).await,
                None => continue,
            },
            () = tokio::time::sleep(EVERY) => {}
        }
        if let Some(found) = appeared(&before, gateway.connectors().await?, hint) {
            return Ok(found);
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
