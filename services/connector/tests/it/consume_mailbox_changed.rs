//! `mailbox.changed` over RabbitMQ: when an account was last heard of.

use std::sync::Arc;

use postrider_broker::{Broker, BrokerConfig};
use postrider_connector::consumers::mailbox_changed::MailboxChangedHandler;
use postrider_contracts::Envelope;
use postrider_contracts::ingest::MailboxChanged;
use postrider_domain::{EventId, Seams, Timestamp};
use postrider_runtime::Context;
use postrider_testing::{TestVhost, eventually};
use serde_json::Value;

use crate::harness::{ANN, BEN, PATIENCE, World};

fn changed(seams: &Seams, address: &str, at: Timestamp) -> Envelope {
    let event = MailboxChanged { email_address: address.to_owned(), history_id: 7, ..MailboxChanged::default() };
    Envelope::of(EventId(seams.ids.uuid()), at, &event)
}

async fn heard(world: &World, id: &str) -> Value {
    world.call("ann", "GET", &format!("/api/connectors/{id}"), None).await.body["last_notification_at"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_latest_push_of_an_account_is_shown() {
    let (world, vhost) = (World::new().await, TestVhost::fresh().await);
    let (ann, ben) = (world.connect("ann", ANN).await, world.connect("ann", BEN).await);
    let cx = Context::for_tests();
    let broker = Broker::start(BrokerConfig { url: vhost.amqp_url(), service: "connector" }, &cx);
    broker.consume(
        Arc::new(MailboxChangedHandler::new(world.state().clone())),
        postrider_broker::ConsumerConfig::default(),
    );
    broker.ready().await;
    let at = |seconds: i64| Timestamp::from_timestamp(1_800_000_000 + seconds, 0).unwrap();
    // Late, repeated and unknown ones, a flood for one account, and one that cannot be read.
    let mut batch: Vec<_> = (0..200).map(|n| changed(&cx.seams, "ann@EXAMPLE.com", at(n % 100))).collect();
    batch.push(changed(&cx.seams, "nobody@example.com", at(500)));
    batch.push(changed(&cx.seams, "not an address", at(500)));
    let results = broker.publisher().publish(batch).await;
    assert!(results.iter().all(Result::is_ok));
    eventually("the latest", PATIENCE, || async {
        (heard(&world, &ann).await == "2027-01-15T08:01:39Z").then_some(())
    })
    .await;
    assert_eq!(heard(&world, &ben).await, Value::Null);
    eventually("the dead letter", PATIENCE, || async {
        (vhost.depth("connector.mailbox-changed.dead").await.ok()? == 1).then_some(())
    })
    .await;
    cx.shutdown.stop_hard();
}
