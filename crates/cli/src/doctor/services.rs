//! The services as they run: ready or why not, and what the intake says about Google's pushes.

use std::time::Duration;

use futures_util::future::join_all;
use postrider_runtime::config::{Listen, ServiceUrl};
use serde_json::Value;

use super::metrics::sum;
use super::{Finding, Installation};
use crate::http;
use crate::stack::Member;

const AREA: &str = "services";
const PATIENCE: Duration = Duration::from_secs(5);
/// Distance of an admin listener from its service's own port.
const ADMIN_OFFSET: u16 = 1_100;
const PUSHES: &str = "postrider_pushes_total";

/// What a service answers.
enum Answer {
    Ready,
    /// Names of the checks that fail.
    NotReady(Vec<String>),
    Silent,
}

pub async fn look(installation: &Installation) -> Vec<Finding> {
    let asked = Member::SERVICES.map(|member| async move { (member, ask(installation, member).await) });
    let answers = join_all(asked).await;
    if answers.iter().all(|(_, answer)| matches!(answer, Answer::Silent)) {
        return vec![Finding::warn(AREA, "none runs", "Start them: `make up`, docker compose up, …")];
    }
    let mut findings = Vec::new();
    for (member, answer) in &answers {
        findings.extend(match answer {
            Answer::Ready => None,
            Answer::Silent => Some(Finding::fail(
                AREA,
                format!("{member} does not answer"),
                format!("Start it; its log says why it ended (`postrider logs {member}`)"),
            )),
            Answer::NotReady(failed) if failed.iter().any(|check| check == "schema") => Some(Finding::fail(
                AREA,
                format!("{member} is not ready: its schema is behind"),
                super::database::MIGRATE,
            )),
            Answer::NotReady(failed) => Some(Finding::fail(
                AREA,
                format!("{member} is not ready: {}", failed.join(", ")),
                format!("Its log says more (`postrider logs {member}`)"),
            )),
        });
    }
    if findings.is_empty() {
        findings.push(Finding::ok(AREA, "all five are ready"));
    }
    findings.extend(pushes(installation).await);
    findings
}

async fn ask(installation: &Installation, member: Member) -> Answer {
    let Ok(ServiceUrl(url)) = ServiceUrl::load(&installation.env, member.name()) else { return Answer::Silent };
    let (Ok(client), Ok(url)) = (http::client(), url.join("/health/ready")) else { return Answer::Silent };
    match client.get(url).timeout(PATIENCE).send().await {
        Ok(answer) if answer.status().is_success() => Answer::Ready,
        Ok(answer) => {
            let said: Value = answer.json().await.unwrap_or_default();
            let checks = said.get("checks").and_then(Value::as_object).cloned().unwrap_or_default();
            let failed = checks.into_iter().filter(|(_, verdict)| verdict.as_str() != Some("ok")).map(|(name, _)| name);
            Answer::NotReady(failed.collect())
        }
        Err(_refused) => Answer::Silent,
    }
}

/// `INGEST_ADMIN_ADDR`; where it is not set, the admin port of the host that `INGEST_URL` names.
fn metrics_of_intake(installation: &Installation) -> Option<String> {
    let name = Member::Ingest.name();
    if installation.env.optional("INGEST_ADMIN_ADDR").is_some() {
        return Some(format!("http://{}/metrics", Listen::load(&installation.env, name).ok()?.admin_addr));
    }
    let ServiceUrl(mut url) = ServiceUrl::load(&installation.env, name).ok()?;
    url.set_port(Some(url.port_or_known_default()?.checked_add(ADMIN_OFFSET)?)).ok()?;
    url.join("/metrics").ok().map(String::from)
}

/// Whether Google's pushes pass, by the intake's own figures since its start.
async fn pushes(installation: &Installation) -> Option<Finding> {
    const AREA: &str = "pushes";
    let url = metrics_of_intake(installation)?;
    let text = http::client().ok()?.get(url).timeout(PATIENCE).send().await.ok()?.text().await.ok()?;
    let (all, stored) = (
        sum(&text, PUSHES, "outcome="),
        sum(&text, PUSHES, "outcome=\"stored\"") + sum(&text, PUSHES, "outcome=\"repeated\""),
    );
    let (unproven, foreign) = (sum(&text, PUSHES, "outcome=\"unproven\""), sum(&text, PUSHES, "outcome=\"foreign\""));
    if stored > 0.0 || all == 0.0 {
        return (all > 0.0)
            .then(|| Finding::ok(AREA, format!("{stored} of {all} were taken since the intake started")));
    }
    Some(if unproven > 0.0 {
        Finding::fail(
            AREA,
            format!("none of {all} was taken: their tokens do not fit"),
            "Compare the push subscription with our settings: its audience with PUBSUB_AUDIENCE (or APP_PUBLIC_URL and the route), \
             its service account with PUBSUB_SERVICE_ACCOUNT. The intake's log says which of them is wrong",
        )
    } else if foreign > 0.0 {
        Finding::fail(
            AREA,
            format!("none of {all} was taken: they come from another subscription"),
            "Correct PUBSUB_SUBSCRIPTION",
        )
    } else {
        Finding::warn(AREA, format!("none of {all} was taken"), "The intake's log says why")
    })
}
