//! Digests: what is in which, whatever the settings, the replicas and the clock do.

mod accounts;
mod addresses;
mod changes;
mod content;
mod on_demand;
mod periods;
mod unsubscribe;

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::harness::{Replica, SOON, World, settings};
use crate::mail_server::MailServer;
use crate::post_office::PostOffice;
use crate::producer::{Account, connected};

/// Every notification's title with the end of the period of its digest, in order.
const IN_DIGESTS: &str = "SELECT n.title || ' ' || coalesce(to_char(d.period_end AT TIME ZONE 'UTC', 'MM-DD HH24:MI'), 'none') \
                          || CASE WHEN d.scope <> '' THEN ' own' ELSE '' END AS value \
                          FROM notification.notifications n LEFT JOIN notification.digests d ON d.id = n.digest_id \
                          ORDER BY n.created_nseq";

async fn daily(zone: &str) -> PostOffice {
    let office = PostOffice::new().await;
    let settings = json!({ "digestFrequency": "daily", "digestTime": "09:00", "digestTimezone": zone });
    office.set(None, settings).await;
    office
}

/// Three replicas look at once.
async fn close(office: &PostOffice) {
    tokio::join!(office.close_digests(), office.close_digests(), office.close_digests());
    let (one, other) = (office.postman(), office.postman());
    let (one, other) = tokio::join!(one.work(), other.work());
    one.unwrap();
    other.unwrap();
}

/// A replica with a mail server, and a user who has a connected account.
async fn at_home() -> (MailServer, World, Replica, Account) {
    let server = MailServer::start().await;
    let mut world = World::new().await;
    world.mail = Some(server.settings());
    let (replica, account) = (world.replica(settings()).await, Account::new("t1", "u1"));
    connect(&world, &account).await;
    (server, world, replica, account)
}

async fn connect(world: &World, account: &Account) {
    world.send(account, &connected(account, 1)).await;
    postrider_testing::eventually("the account", SOON, || async {
        (world.count(&account.tenant, "accounts").await == 1).then_some(())
    })
    .await;
}

/// Raises one by the API. Returns its id.
async fn raised(replica: &Replica, account: &Account) -> serde_json::Value {
    let custom = json!({ "title": "hello", "message": "there" });
    let made = replica.request(account, Method::POST, "/api/notifications").json(&custom);
    replica.call(made, StatusCode::CREATED).await["data"]["id"].clone()
}
