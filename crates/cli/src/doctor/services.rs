//! The services as they run: ready or why not, and what the intake says about Google's pushes.

use std::time::Duration;

use chrono::{DateTime, TimeDelta};
use futures_util::future::join_all;
use postrider_domain::{Clock, Timestamp};
use postrider_runtime::config::{Listen, ServiceUrl};
use reqwest::Response;
use reqwest::header::DATE;
use serde_json::Value;

use super::{Finding, Installation};
use crate::http;
use crate::stack::Member;

const AREA: &str = "services";
const PATIENCE: Duration = Duration::from_secs(5);
/// Distance of an admin listener from its service's own port.
const ADMIN_OFFSET: u16 = 1_100;

/// What was found, and how far each clock that answered is ahead of ours.
pub struct Looked {
    pub findings: Vec<Finding>,
    pub clocks: Vec<(Member, TimeDelta)>,
}

/// What a service answers.
enum Answer {
    Ready,
    /// Names of the checks that fail.
    NotReady(Vec<String>),
    /// A status, and none of our words.
    Other(u16),
    Silent,
}

pub async fn look(installation: &Installation, clock: &dyn Clock) -> Looked {
    let asked = Member::SERVICES.map(|member| async move { (member, ask(installation, member, clock).await) });
    let (mut answers, mut clocks) = (Vec::new(), Vec::new());
    for (member, (answer, ahead)) in join_all(asked).await {
        clocks.extend(ahead.map(|ahead| (member, ahead)));
        answers.push((member, answer));
    }
    let mut findings = readiness(&answers);
    if !clocks.is_empty() {
        findings.extend(pushes(installation).await);
    }
    if installation.management.is_none() {
        findings.extend(blocked(installation).await);
    }
    Looked { findings, clocks }
}

fn readiness(answers: &[(Member, Answer)]) -> Vec<Finding> {
    if answers.iter().all(|(_, answer)| matches!(answer, Answer::Silent)) {
        return vec![Finding::warn(AREA, "none runs", "Start them: `make up`, docker compose up, …")];
    }
    let mut findings = Vec::new();
    for (member, answer) in answers {
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
            Answer::Other(status) => Some(Finding::fail(
                AREA,
                format!("{member} is asked for at an address where something else answers, with {status}"),
                format!("Correct {}_URL, or the proxy there", member.prefix()),
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
    findings
}

/// Whether it is ready, and how far its clock is ahead of ours.
async fn ask(installation: &Installation, member: Member, clock: &dyn Clock) -> (Answer, Option<TimeDelta>) {
    let silent = (Answer::Silent, None);
    let Ok(ServiceUrl(url)) = ServiceUrl::load(&installation.env, member.name()) else { return silent };
    let (Ok(client), Ok(url)) = (http::client(), url.join("/health/ready")) else { return silent };
    let Ok(answer) = client.get(url).timeout(PATIENCE).send().await else { return silent };
    let ahead = date(&answer).map(|told| told - clock.now());
    (verdict(answer).await, ahead)
}

/// The clock of whoever answered, to the second (RFC 9110 §6.6.1).
fn date(answer: &Response) -> Option<Timestamp> {
    let text = answer.headers().get(DATE)?.to_str().ok()?;
    Some(DateTime::parse_from_rfc2822(text).ok()?.to_utc())
}

async fn verdict(answer: Response) -> Answer {
    if answer.status().is_success() {
        return Answer::Ready;
    }
    let status = answer.status().as_u16();
    let said: Value = answer.json().await.unwrap_or_default();
    let Some(checks) = said.get("checks").and_then(Value::as_object).cloned() else { return Answer::Other(status) };
    let failed = checks.into_iter().filter(|(_, verdict)| verdict.as_str() != Some("ok")).map(|(name, _)| name);
    Answer::NotReady(failed.collect())
}

/// RabbitMQ's alarms, by what it told the services: its management API may not be reachable, or not be on.
async fn blocked(installation: &Installation) -> Option<Finding> {
    let text = intake_figures(installation).await?;
    let state =
        text.lines().find_map(|line| line.strip_prefix("postrider_broker_state")?.rsplit(' ').next()?.parse().ok());
    (state == Some(1.0)).then(|| {
        Finding::fail(
            "rabbitmq",
            "an alarm of it blocks ingest-webhook: nothing is published",
            "`rabbitmq-diagnostics alarms` says which: free disk, or raise its memory",
        )
    })
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

/// What the intake counted since its start; nothing where it cannot be asked.
pub async fn intake_figures(installation: &Installation) -> Option<String> {
    let url = metrics_of_intake(installation)?;
    http::client().ok()?.get(url).timeout(PATIENCE).send().await.ok()?.text().await.ok()
}

/// Whether Google's pushes pass, by the intake's own figures since its start.
pub async fn pushes(installation: &Installation) -> Option<Finding> {
    super::pushes::told(&intake_figures(installation).await?)
}
