//! The proof: Gmail answers a watch with one push at once. Did it arrive, and how long did it take?

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::doctor::{Finding, Installation, intake_figures, lost, taken};
use crate::gateway::Gateway;

const AREA: &str = "self-test";
/// How often the account is asked for: closely while the push is on its way, then seldom enough for the user's request limit.
const CLOSELY: Duration = Duration::from_millis(50);
const SELDOM: Duration = Duration::from_millis(500);
/// Pushes that work come within this.
const SOON: Duration = Duration::from_secs(3);

/// Whose watch is asked for, and how long its push may take.
#[derive(Debug)]
pub struct Proof {
    pub gateway: Gateway,
    /// Address of the account; the first that works without.
    pub account: Option<String>,
    pub patience: Duration,
}

impl Proof {
    /// Asks Gmail for the watch and waits until the push went the whole way: intake, broker, connector.
    pub async fn run(&self, installation: &Installation) -> Finding {
        let account = match self.account().await {
            Ok(Some(account)) => account,
            Ok(None) if self.has_stopped().await => {
                let remedy = "`--user-email` names one whose watch may be started again";
                return Finding::warn(
                    AREA,
                    "the watch of every account was stopped by its owner: nothing is proved",
                    remedy,
                );
            }
            Ok(None) => {
                let remedy = "Connect one: `postrider connect`";
                return Finding::warn(AREA, "no account that works is connected: nothing can be proved", remedy);
            }
            Err(error) => {
                return Finding::fail(AREA, error.to_string(), "Is the stack up? `postrider doctor` says more");
            }
        };
        let text = |member: &str| account.get(member).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (id, address, before) = (text("id"), text("email_address"), text("last_notification_at"));
        let figures = intake_figures(installation).await.unwrap_or_default();
        let began = Instant::now();
        let watch = json!({ "connector_id": id });
        match self.gateway.call(Method::POST, "/api/v1/gmail/watch/start", &[], Some(watch)).await {
            Ok(answer) if answer.get("watch_type").and_then(Value::as_str) == Some("polling") => {
                return Finding::ok(AREA, format!("{address} is polled: there is no push to wait for"));
            }
            Ok(_answer) => {}
            Err(error) => return refused(&address, &error.to_string()),
        }
        while began.elapsed() < self.patience {
            let now: Value = self.gateway.get(&format!("/api/connectors/{id}"), &[]).await.unwrap_or_default();
            let heard = now.get("last_notification_at").and_then(Value::as_str).unwrap_or_default();
            if !heard.is_empty() && heard != before {
                let took = began.elapsed().as_millis();
                return Finding::ok(
                    AREA,
                    format!("Gmail's push for {address} arrived, {took} ms after its watch was asked for"),
                );
            }
            tokio::time::sleep(if began.elapsed() < SOON { CLOSELY } else { SELDOM }).await;
        }
        let after = intake_figures(installation).await.unwrap_or_default();
        self.missed(&address, &figures, &after)
    }

    async fn account(&self) -> anyhow::Result<Option<Value>> {
        let accounts: Vec<Value> = self.gateway.all("/api/connectors").await?;
        // A watch that its owner stopped is started again only where that account is named.
        let wanted = |account: &Value| match &self.account {
            Some(named) => is(account, "/email_address", named),
            None => !is(account, "/watch/state", "stopped"),
        };
        Ok(accounts.into_iter().find(|account| is(account, "/status", "active") && wanted(account)))
    }

    async fn has_stopped(&self) -> bool {
        let accounts: Vec<Value> = self.gateway.all("/api/connectors").await.unwrap_or_default();
        let stopped = |account: &Value| is(account, "/status", "active") && is(account, "/watch/state", "stopped");
        self.account.is_none() && accounts.iter().any(stopped)
    }

    /// Nothing arrived: what the intake counted meanwhile says where it got lost.
    fn missed(&self, address: &str, before: &str, after: &str) -> Finding {
        let waited = self.patience.as_secs();
        let (what, remedy) = match lost(before, after) {
            Some(lost) => (format!("pushes came and were refused: {}", lost.what), lost.remedy),
            None if taken(after) > taken(before) => (
                "a push was taken, but connector did not hear of it".to_owned(),
                "Look at RabbitMQ and at connector's log: `postrider doctor`",
            ),
            // After a refusal Google waits, longer each time, with everything of the subscription.
            None if taken(after) <= 0.0
                && let Some(lost) = lost("", after) =>
            {
                (
                    format!("no push came; Google waits after those before, which were refused: {}", lost.what),
                    lost.remedy,
                )
            }
            None => (
                "no push came".to_owned(),
                "In this order: may Gmail publish to the topic, is the subscription there and does it push to us (`postrider google check \
                 --credentials gcloud`), does the public address reach the gateway with a valid certificate",
            ),
        };
        Finding::fail(AREA, format!("{what} ({address}, waited {waited} s)"), remedy)
    }
}

fn is(account: &Value, place: &str, value: &str) -> bool {
    account.pointer(place).and_then(Value::as_str).is_some_and(|is| is.eq_ignore_ascii_case(value))
}

fn refused(address: &str, said: &str) -> Finding {
    let remedy = if said.contains("google_refused") {
        "Is the topic of GMAIL_PUBSUB_TOPIC in the OAuth client's project, and may Gmail publish to it? `postrider google setup` \
         lets it"
    } else if said.contains("reauth_required") {
        "Its owner connects it again: `postrider connect`"
    } else {
        "connector's log says more"
    };
    Finding::fail(AREA, format!("the watch of {address} was refused: {said}"), remedy)
}
