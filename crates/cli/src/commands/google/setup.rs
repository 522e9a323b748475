//! `postrider google setup`: topic, grant and subscription, made or repaired.

use std::io::IsTerminal as _;

use anyhow::{Context as _, Result, bail};
use clap::Args as ClapArgs;
use postrider_runtime::Env;
use url::Url;

use crate::console::{self, done, say};
use crate::google::{Access, Delivery, Names, PubSub, Seen, Step, Wanted, look, remedy, steps};
use crate::local::{Checkout, Settings};

/// What and by whom.
#[derive(Debug, ClapArgs)]
pub struct Args {
    #[command(flatten)]
    names: Names,
    /// Who asks: `gcloud` (whoever is logged in there), the path of a service account's key file, `metadata` on a machine of
    /// Google's, or `-` for an access token on standard input.
    #[arg(long)]
    credentials: Option<String>,
    /// Print the gcloud commands and change nothing. Without credentials: all of them, whatever is there already.
    #[arg(long)]
    dry_run: bool,
    /// Do not ask before the first change.
    #[arg(long)]
    yes: bool,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing was to be done.
    AsItShouldBe,
    /// So many steps were taken.
    Changed(usize),
    /// Somebody said no.
    Declined,
}

/// Shows the steps, then takes them.
///
/// # Errors
/// A setting is missing, or Google refuses: with the remedy.
pub async fn setup(args: Args) -> Result<()> {
    // What somebody wrote down, not what a stack with the simulated Google derives for itself.
    let env = Env::from_pairs(Settings::of(&Checkout::find())?.into_variables());
    let wanted = Wanted::of(&env, &args.names)?;
    if args.dry_run && args.credentials.is_none() {
        commands(&wanted, &steps(&wanted, &Seen::default())?, true);
        return Ok(());
    }
    let access = Access::named(args.credentials.as_deref().unwrap_or("gcloud")).await?;
    let pubsub = PubSub::new(api(&env)?, access)?;
    if args.dry_run {
        commands(&wanted, &left(&pubsub, &wanted).await?, false);
        return Ok(());
    }
    let agreed = |taken: &[Step]| if args.yes { Ok(true) } else { ask(taken.len()) };
    match carry_out(&pubsub, &wanted, agreed).await? {
        Outcome::AsItShouldBe => done("everything is as it should be"),
        Outcome::Changed(_) => done("done. `postrider google check` proves that pushes arrive"),
        Outcome::Declined => bail!("nothing was changed"),
    }
    missing_settings(&env, &wanted);
    Ok(())
}

/// Pub/Sub's root.
///
/// # Errors
/// `PUBSUB_API_URL` is no URL.
pub fn api(env: &Env) -> Result<Url> {
    Ok(env.parse("PUBSUB_API_URL")?)
}

/// Tells the steps, and takes them if that is agreed to; then looks whether nothing is left.
///
/// # Errors
/// Google refuses a step, does not answer, or does not have what it took.
pub async fn carry_out(
    pubsub: &PubSub,
    wanted: &Wanted,
    agreed: impl FnOnce(&[Step]) -> Result<bool>,
) -> Result<Outcome> {
    let wanting = left(pubsub, wanted).await?;
    if wanting.is_empty() {
        return Ok(Outcome::AsItShouldBe);
    }
    say(format_args!("To do in {}:", wanted.project));
    for step in &wanting {
        say(format_args!("  - {}", step.tell(wanted)));
    }
    if !agreed(&wanting)? {
        return Ok(Outcome::Declined);
    }
    for step in &wanting {
        if let Err(error) = step.take(pubsub, wanted).await {
            bail!("cannot {}: {error}\n  {}", step.tell(wanted), remedy(&error, Some(step), wanted));
        }
        done(step.tell(wanted));
    }
    if let Some(step) = left(pubsub, wanted).await?.first() {
        bail!("Google took every step, and still it is to do: {}. Try again in a minute", step.tell(wanted));
    }
    Ok(Outcome::Changed(wanting.len()))
}

async fn left(pubsub: &PubSub, wanted: &Wanted) -> Result<Vec<Step>> {
    match look(pubsub, wanted).await {
        Ok(seen) => Ok(steps(wanted, &seen)?),
        Err(error) => bail!("cannot look at {}: {error}\n  {}", wanted.project, remedy(&error, None, wanted)),
    }
}

fn ask(count: usize) -> Result<bool> {
    if !std::io::stdin().is_terminal() {
        bail!("nobody can be asked here: add --yes to take the steps, or --dry-run to see them as commands");
    }
    let steps = if count == 1 { "this step".to_owned() } else { format!("these {count} steps") };
    console::agreed(format_args!("Take {steps}?")).context("no answer")
}

/// The commands for a person to run; `all` from a new project on.
fn commands(wanted: &Wanted, wanting: &[Step], all: bool) {
    let project = &wanted.project;
    if all {
        say(format_args!("gcloud services enable gmail.googleapis.com pubsub.googleapis.com --project={project}"));
        if let Some(account) = account_to_make(wanted) {
            say("# The account that signs the pushes, or pulls. Beyond the commands below it needs no rights.");
            say(format_args!("gcloud iam service-accounts create {account} --project={project}"));
        }
    }
    for step in wanting {
        say(step.gcloud(wanted));
    }
    if !all && wanting.is_empty() {
        say("# Everything is as it should be.");
    }
}

/// The account's short name, if it is one of the project's own.
fn account_to_make(wanted: &Wanted) -> Option<&str> {
    let (Delivery::Push { account, .. } | Delivery::Pull { account: Some(account) }) = &wanted.delivery else {
        return None;
    };
    let (name, domain) = account.split_once('@')?;
    (domain == format!("{}.iam.gserviceaccount.com", wanted.project)).then_some(name)
}

/// What `.env` lacks of it.
fn missing_settings(env: &Env, wanted: &Wanted) {
    let lines: Vec<_> =
        wanted.settings().into_iter().filter(|(name, value)| env.optional(name).as_ref() != Some(value)).collect();
    if lines.is_empty() {
        return;
    }
    say("\nIn `.env`, then restart:");
    for (name, value) in lines {
        say(format_args!("{name}={value}"));
    }
    if matches!(wanted.delivery, Delivery::Pull { .. }) && env.optional("PUBSUB_CREDENTIALS").is_none() {
        say("PUBSUB_CREDENTIALS=/path/to/the/key/file/of/an/account/that/may/pull.json");
    }
}
