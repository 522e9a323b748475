//! `mailbox.changed` over RabbitMQ: when an account was last heard of.

use std::sync::Arc;

use postrider_broker::{Broker, BrokerConfig, Delivered, Handler, Outcome};
use postrider_connector::consumers::mailbox_changed::MailboxChangedHandler;
use postrider_contracts::Envelope;
use postrider_contracts::ingest::MailboxChanged;
use postrider_domain::{EventId, Seams, Timestamp};
use postrider_runtime::Context;
use postrider_storage::{AsyncPgConnection, Statement};
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

/// The first account by id comes last by address and in the table.
#[tokio::test(flavor = "multi_thread")]
async fn accounts_are_locked_in_one_order() {
    let (world, seams) = (World::new().await, Seams::system());
    world.connect("ann", BEN).await;
    world.connect("ann", ANN).await;
    let (holder, looker) = (world.db.admin().await, world.db.admin().await);
    let run = async |conn: &AsyncPgConnection, text: &str| {
        let text = text.replace("$first", "(SELECT id FROM connector.google_accounts ORDER BY id LIMIT 1)");
        Statement::dynamic(text).execute(conn).await.unwrap()
    };
    run(&holder, "UPDATE connector.google_accounts SET updated_at = updated_at WHERE id = $first").await;
    run(&holder, "BEGIN").await;
    run(&holder, "SELECT FROM connector.google_accounts WHERE id = $first FOR UPDATE").await;
    let at = Timestamp::from_timestamp(1_800_000_000, 0).unwrap();
    let batch = ["ann@example.com", "ben@example.com"].map(|address| Delivered {
        envelope: changed(&seams, address, at),
        attempt: 1,
        redelivered: false,
    });
    let look = async {
        eventually("a transaction that waits", PATIENCE, || async {
            let waiting =
                "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
            (run(&looker, waiting).await > 0).then_some(())
        })
        .await;
        let free = "SELECT FROM connector.google_accounts WHERE id <> $first FOR UPDATE SKIP LOCKED";
        assert_eq!(run(&looker, free).await, 1, "the second account is locked before the first");
        run(&holder, "COMMIT").await;
    };
    let handler = MailboxChangedHandler::new(world.state().clone());
    let (outcomes, ()) = tokio::join!(handler.handle(&batch), look);
    assert_eq!(outcomes, [Outcome::Done, Outcome::Done]);
}
