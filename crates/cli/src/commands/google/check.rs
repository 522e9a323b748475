//! `postrider google check`: what is right at Google and what is not.

use std::time::Duration;

use anyhow::Result;
use clap::Args as ClapArgs;

use super::setup::api;
use crate::commands::findings::tell;
use crate::demo::{TENANT, USER};
use crate::doctor::Installation;
use crate::gateway::Gateway;
use crate::google::check::{Look, Proof, check as look_at_all};
use crate::google::{Access, Names, PubSub};

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
    let pubsub = match &args.credentials {
        Some(word) => Some(PubSub::new(api(&installation.env)?, Access::named(word).await?)?),
        None => None,
    };
    let proof = if args.no_push {
        None
    } else {
        let gateway = Gateway::here(&args.tenant, &args.user)?;
        Some(Proof { gateway, account: args.user_email, patience: Duration::from_secs(args.wait) })
    };
    let findings = look_at_all(&installation, &Look { names: args.names, pubsub, proof }).await;
    tell(&findings, args.json)
}
