//! One connected account with something in every table that a request could spoil.

use std::time::Duration;

use postrider_e2e::ports::free_base;
use postrider_e2e::{Account, World};
use serde_json::{Value, json};

const MINUTES: Duration = Duration::from_secs(120);

/// The account and what it owns.
pub struct Stage {
    pub world: World,
    pub account: Account,
    pub email: String,
    pub run: String,
    pub notification: String,
    pub thread: String,
    pub api_key: String,
    pub link: String,
    pub channel: String,
    pub endpoint: String,
    pub trigger: String,
    pub subscription: String,
    document: Value,
}

impl Stage {
    pub async fn set() -> Self {
        // Requests are to be refused for what they say, not for their number.
        let unlimited = ["RATE_LIMIT_PER_MINUTE", "RATE_LIMIT_PER_ADDRESS"];
        let world = World::start_with(free_base(), |options| {
            // A mail server that is away: mails are taken on, and go nowhere.
            let mail =
                [("SMTP_URL", "smtp://127.0.0.1:9"), ("SMTP_TLS", "none"), ("MAIL_FROM", "mail@postrider.example")];
            let push = [
                ("VAPID_PRIVATE_KEY", "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"),
                ("VAPID_SUBJECT", "mailto:ops@postrider.example"),
                ("PUSH_HOSTS", "push.example"),
            ];
            let options =
                mail.into_iter().chain(push).fold(options, |options, (name, value)| options.with(name, value));
            unlimited.into_iter().fold(options, |options, limit| options.with(limit, "1000000"))
        })
        .await;
        let address = "hostile@example.com";
        world.sim.mailbox(address, 10, 51).await;
        let account = Account::connect(&world, "acme", "ann", address).await;
        account.first_sync(&world, MINUTES).await;
        let live = world.sim.deliver(address, 2).await;
        account.notified_once(&world, &live, MINUTES).await;
        account.mirror_equals_truth(&world, MINUTES).await;
        let first = async |path: &str| {
            let list = account.client.get(path).await;
            list["data"][0]["id"].as_str().unwrap_or_else(|| panic!("nothing in {path}: {list}")).to_owned()
        };
        let email = first("/api/v1/emails").await;
        let run = first("/api/v1/sync-runs").await;
        let notification = first("/api/notifications").await;
        let thread = account.client.get("/api/v1/emails").await["data"][0]["thread_id"].as_str().unwrap().to_owned();
        let connector = account.connector;
        let made = async |path: &str, body: Value| {
            let answer = account.client.post(path, body).await;
            let id = ["id", "channel_id"].iter().find_map(|name| answer[*name].as_str());
            id.unwrap_or_else(|| panic!("{path} made nothing: {answer}")).to_owned()
        };
        let api_key = made("/api/v1/api-keys", json!({"name": "stage"})).await;
        let link = made("/api/v1/connect-links", json!({"connector_id": connector})).await;
        let channel = made("/api/v1/gmail/watch/channels", json!({"connector_id": connector})).await;
        let hook = json!({"url": "https://example.com/hook"});
        let endpoint = made("/api/v1/webhook-endpoints", hook).await;
        let config = json!({"connector_id": connector, "subject": "never there"});
        let trigger = made("/api/triggers", json!({"name": "stage", "type": "email", "config": config})).await;
        let browser = super::bodies::browser("https://push.example/stage");
        let answer = account.client.post("/api/notifications/push/subscriptions", browser).await;
        let subscription = answer["data"]["id"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned();
        let document = account.client.get("/openapi.json").await;
        Self {
            world,
            account,
            email,
            run,
            notification,
            thread,
            api_key,
            link,
            channel,
            endpoint,
            trigger,
            subscription,
            document,
        }
    }

    /// The merged document, of all services.
    pub fn document(&self) -> Value {
        self.document.clone()
    }
}
