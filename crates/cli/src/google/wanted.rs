//! What there should be at Google, by our settings and a few words of the command line.

use anyhow::{Context as _, Result, bail};
use clap::Args as ClapArgs;
use postrider_runtime::Env;
use postrider_runtime::config::PublicUrl;
use serde::Deserialize;

/// The intake's path, below the public origin.
pub const PUSH_PATH: &str = "/api/email/webhook/google/pubsub";
/// Names where no setting has one.
const TOPIC: &str = "postrider";
const PUSHED: &str = "postrider-push";
const PULLED: &str = "postrider-pull";

/// What is not among the settings yet.
#[derive(Debug, Clone, Default, ClapArgs)]
pub struct Names {
    /// Google Cloud project of the OAuth client; without it that of GMAIL_PUBSUB_TOPIC.
    #[arg(long)]
    pub project: Option<String>,
    /// Pull instead of being pushed to: for machines that Google cannot reach.
    #[arg(long)]
    pub pull: bool,
    /// Service account that signs the pushes (PUBSUB_SERVICE_ACCOUNT), or that pulls.
    #[arg(long)]
    pub account: Option<String>,
}

/// How messages come to us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    Push {
        endpoint: String,
        audience: String,
        /// Signs the tokens.
        account: String,
    },
    Pull {
        /// The account that pulls; not known on Google's own machines.
        account: Option<String>,
    },
}

/// Topic and subscription as they should be, by their full names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    pub project: String,
    pub topic: String,
    pub subscription: String,
    pub delivery: Delivery,
}

/// Of a key file only the name.
#[derive(Deserialize)]
struct Named {
    client_email: String,
}

impl Wanted {
    /// # Errors
    /// No project is known, names contradict each other, or Google could not push where it should.
    pub fn of(env: &Env, names: &Names) -> Result<Self> {
        let topic = env.optional("GMAIL_PUBSUB_TOPIC");
        let of_topic = topic.as_deref().map(|name| project_of(name, "topics")).transpose()?;
        let project = match (names.project.clone(), of_topic) {
            (Some(named), Some(set)) if named != set => {
                bail!(
                    "GMAIL_PUBSUB_TOPIC is in the project {set}, not in {named}: leave --project out, or change the setting"
                )
            }
            (Some(project), _) => project,
            (None, Some(set)) => set.to_owned(),
            (None, None) => bail!("name the OAuth client's project with --project, or set GMAIL_PUBSUB_TOPIC"),
        };
        let topic = topic.unwrap_or_else(|| format!("projects/{project}/topics/{TOPIC}"));
        let pulled = env.optional("PUBSUB_PULL_SUBSCRIPTION");
        let pull = names.pull || (pulled.is_some() && env.optional("PUBSUB_SERVICE_ACCOUNT").is_none());
        let named = |set: Option<String>, usual: &str| {
            set.unwrap_or_else(|| format!("projects/{project}/subscriptions/{usual}"))
        };
        let (subscription, delivery) = if pull {
            (named(pulled, PULLED), Delivery::Pull { account: names.account.clone().or_else(|| puller(env)) })
        } else {
            (named(env.optional("PUBSUB_SUBSCRIPTION"), PUSHED), push(env, names, &project)?)
        };
        project_of(&topic, "topics")?;
        project_of(&subscription, "subscriptions")?;
        Ok(Self { project, topic, subscription, delivery })
    }

    /// The settings that say the same, each with its value.
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        let mut settings = vec![("GMAIL_PUBSUB_TOPIC", self.topic.clone())];
        match &self.delivery {
            Delivery::Push { endpoint, audience, account } => {
                settings.push(("PUBSUB_SERVICE_ACCOUNT", account.clone()));
                settings.push(("PUBSUB_SUBSCRIPTION", self.subscription.clone()));
                if audience != endpoint {
                    settings.push(("PUBSUB_AUDIENCE", audience.clone()));
                }
            }
            Delivery::Pull { .. } => settings.push(("PUBSUB_PULL_SUBSCRIPTION", self.subscription.clone())),
        }
        settings
    }
}

fn push(env: &Env, names: &Names, project: &str) -> Result<Delivery> {
    let public = PublicUrl::load(env)?;
    let googles_own = env.optional("PUBSUB_API_URL").is_none_or(|url| url.contains("googleapis.com"));
    if googles_own && public.0.scheme() != "https" {
        bail!(
            "Google cannot push to {}: set APP_PUBLIC_URL to a public https origin, or fetch the messages with --pull",
            public.origin()
        );
    }
    let endpoint = format!("{}{PUSH_PATH}", public.origin());
    let audience = env.optional("PUBSUB_AUDIENCE").unwrap_or_else(|| endpoint.clone());
    let set = names.account.clone().or_else(|| env.optional("PUBSUB_SERVICE_ACCOUNT"));
    let account = set.unwrap_or_else(|| format!("{PUSHED}@{project}.iam.gserviceaccount.com"));
    Ok(Delivery::Push { endpoint, audience, account })
}

/// Whom `PUBSUB_CREDENTIALS` names.
fn puller(env: &Env) -> Option<String> {
    let text = std::fs::read_to_string(env.optional("PUBSUB_CREDENTIALS")?).ok()?;
    serde_json::from_str::<Named>(&text).ok().map(|named| named.client_email)
}

/// `projects/<project>/<kind>/<name>`.
fn project_of<'a>(name: &'a str, kind: &str) -> Result<&'a str> {
    // What Google allows in names of projects and of resources; some are percent-encoded.
    let is_name = |part: &str| {
        let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '~' | '+' | '%' | ':');
        !part.is_empty() && part.chars().all(known)
    };
    match name.split('/').collect::<Vec<_>>().as_slice() {
        ["projects", project, found, short] if *found == kind && is_name(project) && is_name(short) => Some(*project),
        _ => None,
    }
    .with_context(|| format!("{name} has not the form projects/<project>/{kind}/<name>"))
}
