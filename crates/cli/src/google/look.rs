//! What is there at Google.

use serde_json::Value;

use super::policy::grants;
use super::pubsub::{CallError, PubSub};
use super::wanted::{Delivery, Wanted};
use super::{GMAIL, PUBLISHER, SUBSCRIBER};

/// Roles on a topic that hold the right to publish.
const PUBLISHERS: [&str; 3] = [PUBLISHER, "roles/pubsub.editor", "roles/pubsub.admin"];
/// Roles on a subscription that hold the right to pull.
const PULLERS: [&str; 4] = [SUBSCRIBER, "roles/pubsub.editor", "roles/pubsub.admin", "roles/owner"];

/// Topic, grants and subscription as Google has them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Seen {
    pub topic: bool,
    /// Gmail may publish.
    pub publishes: bool,
    pub subscription: Option<Value>,
    /// The account that is to pull may; true where there is none to be granted anything.
    pub pulls: bool,
}

/// Looks; changes nothing.
///
/// # Errors
/// Google refuses a question, or does not answer.
pub async fn look(pubsub: &PubSub, wanted: &Wanted) -> Result<Seen, CallError> {
    let topic = pubsub.find(&wanted.topic).await?.is_some();
    let publishes = topic && grants(&pubsub.policy(&wanted.topic).await?, &PUBLISHERS, GMAIL);
    let subscription = pubsub.find(&wanted.subscription).await?;
    let pulls = match &wanted.delivery {
        Delivery::Pull { account: Some(account) } if subscription.is_some() => {
            grants(&pubsub.policy(&wanted.subscription).await?, &PULLERS, &member(account))
        }
        Delivery::Pull { account: Some(_) } => false,
        Delivery::Pull { account: None } | Delivery::Push { .. } => true,
    };
    Ok(Seen { topic, publishes, subscription, pulls })
}

/// How a policy names a service account.
pub fn member(account: &str) -> String {
    format!("serviceAccount:{account}")
}
