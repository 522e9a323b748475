//! The work as Postgres knows it: watches, mailboxes that wait, consents that are gone, events that were not published.

use postrider_storage::Spec;
use postrider_storage::inspect::{InspectError, Inspection};

use super::database::unreachable;
use super::{Finding, Installation};

/// Longer than any pause between two looks at a mailbox that is due.
const LATE_SECONDS: i64 = 120;
/// A relay publishes within seconds.
const OLD_SECONDS: i64 = 60;
/// Watches are renewed daily and last a week.
const SOON: &str = "interval '3 days'";

pub async fn look(installation: &Installation) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (spec, found) in [
        (Spec::CONNECTOR, asked_watches(installation).await),
        (Spec::SYNC_WORKER, mailboxes(installation).await),
        (Spec::CONNECTOR, outboxes(installation).await),
    ] {
        match found {
            Ok(found) => findings.extend(found),
            Err(error) => findings.push(unreachable("postgres", spec.schema, &error)),
        }
    }
    findings
}

async fn open(installation: &Installation, spec: &Spec) -> Result<Inspection, InspectError> {
    let url = installation.database_url(spec).ok_or(InspectError::Url)?;
    Inspection::open(&url, Some(&spec.system_role())).await
}

async fn number(inspection: &Inspection, query: &str) -> Result<i64, InspectError> {
    Ok(inspection.row(query).await?.into_iter().next().flatten().and_then(|text| text.parse().ok()).unwrap_or_default())
}

/// Whether Google watches the accounts, and what it says where it does not.
pub async fn watches(installation: &Installation) -> Vec<Finding> {
    let found = asked_watches(installation).await;
    found.unwrap_or_else(|error| vec![unreachable("postgres", Spec::CONNECTOR.schema, &error)])
}

async fn asked_watches(installation: &Installation) -> Result<Vec<Finding>, InspectError> {
    const AREA: &str = "watches";
    let connector = open(installation, &Spec::CONNECTOR).await?;
    let wanted = number(&connector, "SELECT count(*) FROM connector.google_accounts WHERE watch_wanted").await?;
    if wanted == 0 {
        return Ok(vec![Finding::ok(AREA, "none is wanted")]);
    }
    let failing = connector
        .rows(
            "SELECT watch_error, count(*) FROM connector.google_accounts \
             WHERE watch_wanted AND watch_error IS NOT NULL GROUP BY watch_error ORDER BY 2 DESC",
        )
        .await?;
    let mut findings: Vec<_> = failing
        .into_iter()
        .map(|row| {
            let text = |column: usize| row.get(column).cloned().flatten().unwrap_or_default();
            let (error, count) = (text(0), text(1));
            Finding::fail(AREA, format!("Google refuses the watch of {count} accounts: {error}"), refused(&error))
        })
        .collect();
    let ending = format!(
        "SELECT count(*) FROM connector.google_accounts WHERE watch_wanted AND watch_error IS NULL \
         AND coalesce(watch_expires_at, created_at) < clock_timestamp() + {SOON} \
         AND created_at < clock_timestamp() - interval '5 minutes'"
    );
    let ending = number(&connector, &ending).await?;
    if ending > 0 {
        let remedy = "connector renews them daily: is it running, and does it log why not? Polling goes on";
        findings.push(Finding::warn(AREA, format!("{ending} of {wanted} have lapsed or are about to"), remedy));
    }
    let silent = number(
        &connector,
        "SELECT count(*) FROM connector.google_accounts WHERE watch_wanted AND watch_silent_since IS NOT NULL",
    )
    .await?;
    if silent > 0 {
        let remedy = "Their mail comes by polling. `postrider google check` says where the pushes are lost";
        findings.push(Finding::warn(AREA, format!("the pushes of {silent} accounts do not arrive"), remedy));
    }
    if findings.is_empty() {
        findings.push(Finding::ok(AREA, format!("{wanted} run")));
    }
    Ok(findings)
}

/// What to do about a word of the Gmail client.
fn refused(error: &str) -> &'static str {
    match error {
        "refused" | "bad_request" | "failed_precondition" | "not_found" => {
            "Is the topic of GMAIL_PUBSUB_TOPIC in the OAuth client's project, and may \
             gmail-api-push@system.gserviceaccount.com publish to it (role Pub/Sub Publisher)? docs/google.md has the commands"
        }
        "api_disabled" => "Enable the Gmail API in the OAuth client's project",
        "scope_missing" => "The accounts' consent lacks the Gmail scope: connect them again with it",
        "domain_policy" | "mail_service_off" => "Their Workspace administrator must allow this application and Gmail",
        "transient" | "rate_limited" | "daily_limit" => "It is tried again by itself",
        _ => "connector's log says more",
    }
}

async fn mailboxes(installation: &Installation) -> Result<Vec<Finding>, InspectError> {
    const AREA: &str = "mailboxes";
    let worker = open(installation, &Spec::SYNC_WORKER).await?;
    let row = worker
        .row(
            "SELECT count(*) FILTER (WHERE status = 'active'), count(*) FILTER (WHERE status = 'reauth_required'), \
             coalesce(extract(epoch FROM max(clock_timestamp() - greatest(due_at, not_before)) \
               FILTER (WHERE status = 'active' AND monitored AND (lease_until IS NULL OR lease_until < clock_timestamp()))), \
               0)::bigint \
             FROM mailbox.mailboxes",
        )
        .await?;
    let number = |column: usize| {
        row.get(column).cloned().flatten().and_then(|text| text.parse::<i64>().ok()).unwrap_or_default()
    };
    let (active, gone, late) = (number(0), number(1), number(2));
    let mut findings = Vec::new();
    if late > LATE_SECONDS {
        let remedy =
            "Is sync-worker running, and does it log failures? If it only has too much to do, start more of it";
        findings.push(Finding::warn(AREA, format!("one waits for {late} s"), remedy));
    }
    if gone > 0 {
        let remedy = "Their owners connect again. All within a week of connecting: the consent screen is in Testing (docs/google.md)";
        findings.push(Finding::warn(AREA, format!("{gone} need a new consent"), remedy));
    }
    if findings.is_empty() {
        findings.push(Finding::ok(AREA, format!("{active} active, none waits")));
    }
    Ok(findings)
}

async fn outboxes(installation: &Installation) -> Result<Vec<Finding>, InspectError> {
    const AREA: &str = "outbox";
    let mut findings = Vec::new();
    for spec in [Spec::CONNECTOR, Spec::SYNC_WORKER, Spec::NOTIFICATION] {
        let inspection = open(installation, &spec).await?;
        let query = format!(
            "SELECT coalesce(extract(epoch FROM clock_timestamp() - min(created_at)), 0)::bigint \
             FROM {}.outbox WHERE sent_at IS NULL",
            spec.schema
        );
        let age = number(&inspection, &query).await?;
        if age > OLD_SECONDS {
            let remedy =
                format!("Is {} running and RabbitMQ reachable? Nothing is lost: it is published then", spec.service);
            findings.push(Finding::warn(AREA, format!("an event of {} waits for {age} s", spec.service), remedy));
        }
    }
    if findings.is_empty() {
        findings.push(Finding::ok(AREA, "nothing waits"));
    }
    Ok(findings)
}
