//! `postrider google check`: what is right at Google and what is not.

use std::time::Duration;

use anyhow::Result;
use clap::Args as ClapArgs;

use super::setup::api;
use crate::commands::findings::tell;
use crate::demo::{TENANT, USER};
use crate::doctor::{Finding, Installation};
use crate::gateway::Gateway;
use crate::google::check::{Look, Proof, check as look_at_all};
use crate::google::{Access, Names, PubSub};

const CREDENTIALS: &str = "Until it is mended topic, grant and subscription are not looked at: `postrider google check --help` says what \
                           --credentials takes";
const GATEWAY: &str = "Start the stack (`make up`), or look only: --no-push";

/// Where to look, and whose watch is asked for.
#[derive(Debug, ClapArgs)]
pub struct Args {
    #[command(flatten)]
    names: Names,
    /// Who asks Pub/Sub, as for `google setup`. Without it topic, grant and subscription are not looked at.
    #[arg(long)]
    credentials: Option<String>,
    /// Look only: ask for no push.
    #[arg(long)]
    no_push: bool,
    /// Seconds the push may take.
    #[arg(long, default_value_t = 30)]
    wait: u64,
    /// Address of the account whose watch is asked for; the first that works without.
    #[arg(long)]
    user_email: Option<String>,
    /// The tenant.
    #[arg(long, default_value = TENANT)]
    tenant: String,
    /// The user.
    #[arg(long, default_value = USER)]
    user: String,
    /// A JSON list of `{area, verdict, text, remedy}`, for programs.
    #[arg(long)]
    json: bool,
}

/// Looks, proves, and says what it found.
///
/// # Errors
/// Something fails: it is told before.
pub async fn check(args: Args) -> Result<()> {
    let installation = Installation::here()?;
    // What cannot be asked is a line among the others: they may say why.
    let (mut findings, mut look) = (Vec::new(), Look { names: args.names, ..Look::default() });
    if let Some(word) = &args.credentials {
        match asked(&installation, word).await {
            Ok(pubsub) => look.pubsub = Some(pubsub),
            Err(error) => findings.push(Finding::fail("credentials", format!("{error:#}"), CREDENTIALS)),
        }
    }
    let gateway = (!args.no_push).then(|| Gateway::here(&args.tenant, &args.user));
    let no_gateway = match gateway {
        Some(Ok(gateway)) => {
            let patience = Duration::from_secs(args.wait);
            look.proof = Some(Proof { gateway, account: args.user_email, patience });
            None
        }
        Some(Err(error)) => Some(Finding::fail("self-test", format!("{error:#}"), GATEWAY)),
        None => None,
    };
    findings.extend(look_at_all(&installation, &look).await);
    findings.extend(no_gateway);
    tell(&findings, args.json)
}

async fn asked(installation: &Installation, word: &str) -> Result<PubSub> {
    Ok(PubSub::new(api(&installation.env)?, Access::named(word).await?)?)
}
