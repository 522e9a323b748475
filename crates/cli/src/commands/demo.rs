//! `postrider demo`: the demo's mailbox, for a stack that somebody else started (compose, a cluster).

use anyhow::{Result, bail};
use postrider_runtime::Env;
use postrider_runtime::config::ServiceUrl;
use url::Url;

use crate::demo::{TENANT, USER, demonstrate, make_mailbox};
use crate::token;

/// Connects the demo's mailbox at the simulated Google that `GMAIL_API_URL` names, through the gateway at `GATEWAY_URL`.
///
/// # Errors
/// A setting is missing, Google is the real one, or a step fails.
pub async fn demo() -> Result<()> {
    let env = Env::process()?;
    let gateway = origin(&ServiceUrl::load(&env, "gateway")?.0);
    let google: Url = env.parse("GMAIL_API_URL")?;
    if google.scheme() == "https" {
        bail!(
            "GMAIL_API_URL is {google}: the demo delivers mail by itself, which only a simulated Google (http) takes"
        );
    }
    let simulator = origin(&google);
    let token = token::issue_by(&env, TENANT, USER)?;
    make_mailbox(&simulator).await?;
    demonstrate(&gateway, &simulator, &token, Some(&simulator)).await
}

fn origin(url: &Url) -> String {
    url.as_str().trim_end_matches('/').to_owned()
}
