//! What is right at Google and what is not, line by line, and in the end a real push as the proof.

mod self_test;

use std::time::Duration;

use postrider_http::client::{client, no_answer};
use serde_json::Value;

pub use self::self_test::Proof;
use super::look::{Seen, look};
use super::pubsub::PubSub;
use super::step::{Step, remedy, steps};
use super::subscription::Drift;
use super::wanted::{Delivery, Names, Wanted};
use crate::doctor::{Finding, Installation, pushes, settings_at_google, watches};

const AREA: &str = "pubsub";
const PATIENCE: Duration = Duration::from_secs(10);

/// How to look.
#[derive(Debug, Default)]
pub struct Look {
    pub names: Names,
    /// Who may ask Pub/Sub; without it topic and subscription are not looked at.
    pub pubsub: Option<PubSub>,
    /// How to prove it; without it nothing is.
    pub proof: Option<Proof>,
}

/// Looks at everything, and then asks Gmail for a push. Changes nothing but the watch, which is renewed.
pub async fn check(installation: &Installation, asked: &Look) -> Vec<Finding> {
    let mut findings = settings_at_google(installation).await;
    if installation.env.optional("GMAIL_PUBSUB_TOPIC").is_some() {
        match Wanted::of(&installation.env, &asked.names) {
            Ok(wanted) => {
                findings.extend(at_google(asked.pubsub.as_ref(), &wanted).await);
                findings.extend(intake(&wanted).await);
            }
            Err(error) => findings.push(Finding::fail("settings", error.to_string(), "Correct the settings")),
        }
    }
    // Asked before the figures are read: what was mended a moment ago shows in its push alone.
    let proof = match &asked.proof {
        Some(proof) => Some(proof.run(installation).await),
        None => None,
    };
    findings.extend(watches(installation).await);
    findings.extend(pushes(installation).await);
    findings.extend(proof);
    findings
}

async fn at_google(pubsub: Option<&PubSub>, wanted: &Wanted) -> Vec<Finding> {
    let Some(pubsub) = pubsub else {
        let remedy = "Add --credentials gcloud, or the path of a service account's key file (role roles/pubsub.admin)";
        return vec![Finding::warn(AREA, "topic, grant and subscription were not looked at", remedy)];
    };
    match look(pubsub, wanted).await {
        Ok(seen) => seen_findings(wanted, &seen),
        Err(error) => {
            vec![Finding::fail(AREA, format!("cannot look: {error}"), remedy(&error, None, wanted))]
        }
    }
}

/// Each step that `setup` would take is a line that fails.
fn seen_findings(wanted: &Wanted, seen: &Seen) -> Vec<Finding> {
    let wanting = match steps(wanted, seen) {
        Ok(wanting) => wanting,
        Err(obstacle) => {
            let remedy = "Do that, then `postrider google setup` makes what is missing";
            return vec![Finding::fail(AREA, obstacle.to_string(), remedy)];
        }
    };
    let mut findings = Vec::new();
    for (right, text) in [
        (seen.topic, format!("the topic {} is there", wanted.topic)),
        (seen.publishes, "Gmail may publish to it".to_owned()),
        (seen.subscription.is_some(), format!("the subscription {} is there", wanted.subscription)),
    ] {
        if right {
            findings.push(Finding::ok(AREA, text));
        }
    }
    for step in &wanting {
        findings.extend(lacking(step, wanted));
    }
    if !wanting.iter().any(|step| matches!(step, Step::CreateSubscription | Step::Repair(..))) {
        let way = match &wanted.delivery {
            Delivery::Push { endpoint, audience, .. } if endpoint != audience => {
                format!("it never expires and pushes to {endpoint} for the audience {audience}")
            }
            Delivery::Push { endpoint, .. } => format!("it never expires and pushes to {endpoint}"),
            Delivery::Pull { .. } => "it never expires and is pulled".to_owned(),
        };
        findings.push(Finding::ok(AREA, way));
    }
    findings
}

fn lacking(step: &Step, wanted: &Wanted) -> Vec<Finding> {
    let remedy = format!("`postrider google setup`, or: {}", step.gcloud(wanted));
    let fail = |text: String| vec![Finding::fail(AREA, text, &remedy)];
    match step {
        Step::CreateTopic => fail(format!("the topic {} is not there", wanted.topic)),
        Step::LetGmailPublish => fail(format!("Gmail may not publish to {}", wanted.topic)),
        Step::CreateSubscription => fail(format!("the subscription {} is not there", wanted.subscription)),
        Step::LetPull(account) => fail(format!("{account} may not pull {}", wanted.subscription)),
        Step::Repair(drifted, current) => {
            let told = |one: &Drift| {
                let text = one.tell(wanted, current);
                match one {
                    // Mail comes all the same, only worse.
                    Drift::Deadline | Drift::Retry => Finding::warn(AREA, text, &remedy),
                    _ => Finding::fail(AREA, text, &remedy),
                }
            };
            drifted.iter().map(told).collect()
        }
    }
}

/// Whether the push address answers as the intake does: without a token with 401.
async fn intake(wanted: &Wanted) -> Option<Finding> {
    const AREA: &str = "intake";
    let Delivery::Push { endpoint, .. } = &wanted.delivery else { return None };
    let push = client().ok()?.post(endpoint).json(&Value::Null).timeout(PATIENCE).send().await;
    Some(match push {
        Ok(answer) if answer.status().as_u16() == 401 => {
            Finding::ok(AREA, format!("{endpoint} answers, and refuses who has no token"))
        }
        Ok(answer) => Finding::fail(
            AREA,
            format!("{endpoint} answers {} to a push without a token, not 401", answer.status().as_u16()),
            "Something else answers there, or the gateway does not reach ingest-webhook: look at the proxy, APP_PUBLIC_URL and \
             `postrider doctor`",
        ),
        Err(error) => Finding::warn(
            AREA,
            format!("{endpoint} cannot be reached from here: {}", no_answer(&error)),
            "Google must reach it: the name in the public DNS, port 443, a certificate of a public authority. From inside one's own \
             network it may fail all the same",
        ),
    })
}
