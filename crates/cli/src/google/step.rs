//! The steps from what is there to what should be: told first, then taken, or printed as `gcloud` commands.

use serde_json::Value;

use super::look::{Seen, member};
use super::policy::with_grant;
use super::pubsub::{CallError, PubSub};
use super::subscription::{Drift, changes, drift, whole};
use super::wanted::{Delivery, Wanted};
use super::{GMAIL, PUBLISHER, SUBSCRIBER};

/// A policy that somebody else changes meanwhile is read again this often.
const TRIES: u32 = 5;

/// One change at Google.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    CreateTopic,
    LetGmailPublish,
    CreateSubscription,
    /// What drifted, and the subscription as it is.
    Repair(Vec<Drift>, Value),
    /// The account may pull.
    LetPull(String),
}

/// What no step leads out of.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Obstacle {
    #[error(
        "{name} belongs to the topic {topic}, and a subscription cannot change its topic: delete it (`gcloud pubsub subscriptions delete {name}`), or name another one"
    )]
    OtherTopic { name: String, topic: String },
    #[error("{0} is pushed to, so it cannot be pulled: name another one in PUBSUB_PULL_SUBSCRIPTION")]
    Pushed(String),
    /// Set when it was made, for ever.
    #[error(
        "{name} {why}, which cannot be changed: delete it (`gcloud pubsub subscriptions delete {name}`) and set up again, or name another one"
    )]
    Foreign { name: String, why: &'static str },
}

/// What is to be done, in order; nothing when all is as it should be.
///
/// # Errors
/// The subscription that is there cannot become the one that is wanted.
pub fn steps(wanted: &Wanted, seen: &Seen) -> Result<Vec<Step>, Obstacle> {
    let mut steps = Vec::new();
    if !seen.topic {
        steps.push(Step::CreateTopic);
    }
    if !seen.publishes {
        steps.push(Step::LetGmailPublish);
    }
    match &seen.subscription {
        None => steps.push(Step::CreateSubscription),
        Some(current) => {
            obstacle(wanted, current)?;
            let drifted = drift(wanted, current);
            if !drifted.is_empty() {
                steps.push(Step::Repair(drifted, current.clone()));
            }
        }
    }
    if let Delivery::Pull { account: Some(account) } = &wanted.delivery
        && !seen.pulls
    {
        steps.push(Step::LetPull(account.clone()));
    }
    Ok(steps)
}

fn obstacle(wanted: &Wanted, current: &Value) -> Result<(), Obstacle> {
    let text = |pointer: &str| current.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty());
    let name = wanted.subscription.clone();
    match text("/topic") {
        Some(topic) if topic != wanted.topic => Err(Obstacle::OtherTopic { name, topic: topic.to_owned() }),
        _ if current.get("detached").and_then(Value::as_bool) == Some(true) => {
            Err(Obstacle::Foreign { name, why: "is detached from its topic and gets nothing" })
        }
        _ if text("/filter").is_some() => {
            Err(Obstacle::Foreign { name, why: "has a filter, which Gmail's messages do not pass" })
        }
        _ if ["/bigqueryConfig/table", "/cloudStorageConfig/bucket"].into_iter().any(|place| text(place).is_some()) => {
            Err(Obstacle::Foreign { name, why: "writes to BigQuery or Cloud Storage" })
        }
        _ if matches!(wanted.delivery, Delivery::Pull { .. }) && text("/pushConfig/pushEndpoint").is_some() => {
            Err(Obstacle::Pushed(name))
        }
        _ => Ok(()),
    }
}

impl Step {
    /// What it does, for a person.
    pub fn tell(&self, wanted: &Wanted) -> String {
        let Wanted { topic, subscription, .. } = wanted;
        match self {
            Self::CreateTopic => format!("create the topic {topic}"),
            Self::LetGmailPublish => format!("let Gmail publish to {topic} ({PUBLISHER})"),
            Self::CreateSubscription => match &wanted.delivery {
                Delivery::Push { endpoint, audience, account } => format!(
                    "create the subscription {subscription}, which never expires and pushes to {endpoint}, signed as {account} \
                     for the audience {audience}"
                ),
                Delivery::Pull { .. } => {
                    format!("create the subscription {subscription}, which never expires and is pulled")
                }
            },
            Self::Repair(drifted, current) => {
                let wrong: Vec<_> = drifted.iter().map(|one| one.tell(wanted, current)).collect();
                format!("repair the subscription {subscription}: {}", wrong.join("; "))
            }
            Self::LetPull(account) => format!("let {account} pull {subscription} ({SUBSCRIBER})"),
        }
    }

    /// The same as a command.
    pub fn gcloud(&self, wanted: &Wanted) -> String {
        let short = |name: &str| name.rsplit('/').next().unwrap_or_default().to_owned();
        let (topic, subscription) = (short(&wanted.topic), short(&wanted.subscription));
        let flags = |drifted: &[Drift]| {
            let mut flags: Vec<_> =
                drifted.iter().map(|one| one.flags(wanted)).filter(|flags| !flags.is_empty()).collect();
            flags.dedup();
            flags.join(" ")
        };
        let project = project_of(&wanted.subscription);
        let command = match self {
            Self::CreateTopic => format!("topics create {topic}"),
            Self::LetGmailPublish => {
                format!("topics add-iam-policy-binding {topic} --member={GMAIL} --role={PUBLISHER}")
            }
            Self::CreateSubscription => {
                let all = flags(super::subscription::all(wanted));
                format!("subscriptions create {subscription} --topic={} {all}", wanted.topic)
            }
            Self::Repair(drifted, _) => format!("subscriptions update {subscription} {}", flags(drifted)),
            Self::LetPull(account) => format!(
                "subscriptions add-iam-policy-binding {subscription} --member={} --role={SUBSCRIBER}",
                member(account)
            ),
        };
        let project = match self {
            Self::CreateTopic | Self::LetGmailPublish => wanted.project.as_str(),
            _ => project,
        };
        format!("gcloud pubsub {command} --project={project}")
    }

    /// Takes it.
    ///
    /// # Errors
    /// Google refuses, or does not answer.
    pub async fn take(&self, pubsub: &PubSub, wanted: &Wanted) -> Result<(), CallError> {
        match self {
            Self::CreateTopic => pubsub.create(&wanted.topic, &Value::Object(serde_json::Map::new())).await,
            Self::LetGmailPublish => grant(pubsub, &wanted.topic, PUBLISHER, GMAIL).await,
            Self::CreateSubscription => pubsub.create(&wanted.subscription, &whole(wanted)).await,
            Self::Repair(drifted, current) => {
                let members = changes(wanted, current, drifted);
                let mask = members.keys().cloned().collect::<Vec<_>>().join(",");
                pubsub.change(&wanted.subscription, &Value::Object(members), &mask).await
            }
            Self::LetPull(account) => grant(pubsub, &wanted.subscription, SUBSCRIBER, &member(account)).await,
        }
    }
}

/// Reads the policy and writes it with the grant, again where somebody else wrote it in between.
async fn grant(pubsub: &PubSub, name: &str, role: &str, member: &str) -> Result<(), CallError> {
    let mut tries = 1;
    loop {
        let policy = with_grant(pubsub.policy(name).await?, role, member);
        match pubsub.set_policy(name, &policy).await {
            Err(error) if error.code() == Some("ABORTED") && tries < TRIES => tries += 1,
            answer => return answer,
        }
    }
}

fn project_of(name: &str) -> &str {
    name.split('/').nth(1).unwrap_or_default()
}

/// What to do when Google refuses; `step` is the one it refused, none while looking.
pub fn remedy(error: &CallError, step: Option<&Step>, wanted: &Wanted) -> String {
    let CallError::Refused { status, code, message } = error else {
        return "Let this machine reach Google (HTTPS, names), and check the credentials".to_owned();
    };
    let Wanted { project, .. } = wanted;
    if message.contains("has not been used in project") || message.contains("SERVICE_DISABLED") {
        return format!("Enable the API: gcloud services enable pubsub.googleapis.com --project={project}");
    }
    match (code.as_str(), step, &wanted.delivery) {
        ("UNAUTHENTICATED", _, _) => {
            "The token is spent or the account is disabled: log in again (`gcloud auth login`), or name another key file"
                .to_owned()
        }
        ("FAILED_PRECONDITION", Some(Step::LetGmailPublish), _) => format!(
            "Your organisation lets only its own domains be granted anything (domain restricted sharing): its administrator \
             makes an exception for {project} (policy iam.allowedPolicyMemberDomains)"
        ),
        ("NOT_FOUND" | "INVALID_ARGUMENT" | "PERMISSION_DENIED", Some(Step::CreateSubscription | Step::Repair(..)), Delivery::Push { account, .. }) => {
            let name = account.split('@').next().unwrap_or_default();
            format!(
                "Is the account that signs there (gcloud iam service-accounts create {name} --project={project}), may you act as it \
                 (roles/iam.serviceAccountUser on it), and edit subscriptions (roles/pubsub.editor)?"
            )
        }
        ("PERMISSION_DENIED", _, _) => format!(
            "The credentials need the role roles/pubsub.admin in {project}, and the project must be that of the topic"
        ),
        ("NOT_FOUND", _, _) => format!("Is {project} the project's id, and is it not deleted?"),
        _ => format!("Google's status {status} stands in the documentation of Pub/Sub's REST API; nothing was changed by this step"),
    }
}
