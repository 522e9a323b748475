//! One connected account with something in every table that a request could spoil.

use std::time::Duration;

use postrider_e2e::ports::free_base;
use postrider_e2e::{Account, World};
use serde_json::Value;

const MINUTES: Duration = Duration::from_secs(120);

/// The account and what it owns.
pub struct Stage {
    pub world: World,
    pub account: Account,
    pub email: String,
    pub run: String,
    pub notification: String,
    document: Value,
}

impl Stage {
    pub async fn set() -> Self {
        // Requests are to be refused for what they say, not for their number.
        let unlimited = ["RATE_LIMIT_PER_MINUTE", "RATE_LIMIT_PER_ADDRESS"];
        let world = World::start_with(free_base(), |options| {
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
        let document = account.client.get("/openapi.json").await;
        Self { world, account, email, run, notification, document }
    }

    /// The merged document, of all services.
    pub fn document(&self) -> Value {
        self.document.clone()
    }
}
