//! Pushes and the locks of mailboxes: who holds one mailbox holds up no other, and ends no run slowly.

use std::sync::Arc;
use std::time::Duration;

use postrider_broker::{Delivered, Handler as _, Outcome};
use postrider_contracts::Envelope;
use postrider_contracts::ingest::MailboxChanged;
use postrider_domain::{Clock as _, ConnectorId, EventId};
use postrider_gmail_sim::{MailboxSpec, Sizes, World};
use postrider_storage::{Db, TenantTx, Value, sql};
use postrider_sync_worker::consumers::mailbox_changed::MailboxChangedHandler;
use postrider_sync_worker::jobs::clear_listings;
use postrider_sync_worker::state::State;
use postrider_testing::eventually;
use tokio_util::sync::CancellationToken;

use crate::gmail::{SimAccess, SimGmail};
use crate::harness::{Ids, database, engine, mailbox_number};

fn state(db: &Db, ids: &Ids) -> State {
    let engine = engine(db, SimAccess(Arc::new(|_| None)), ids.seams.clone(), "one");
    let metrics = engine.metrics().clone();
    State { db: db.clone(), seams: ids.seams.clone(), engine, metrics, replica: "one".to_owned() }
}

fn delivered(ids: &Ids, address: &str, source: &str) -> Delivered {
    let push = MailboxChanged {
        email_address: address.to_owned(),
        history_id: 5,
        source_message_id: ids.seams.ids.uuid().to_string(),
        published_at_ms: 0,
        source: source.to_owned(),
    };
    let envelope = Envelope::of(EventId(ids.seams.ids.uuid()), ids.clock.now(), &push);
    Delivered { envelope, attempt: 1, redelivered: false }
}

/// As a commit of the engine does.
async fn hold(db: &Db, ids: &Ids) -> TenantTx {
    let tx = db.tenant(&ids.tenant).await.unwrap();
    sql("SELECT 1::bigint AS value FROM mailboxes WHERE connector_id = $1 FOR UPDATE")
        .bind(ids.connector)
        .get_result::<Value<i64>>(&tx)
        .await
        .unwrap();
    tx
}

async fn requested(db: &Db, connector: ConnectorId) -> i64 {
    mailbox_number(db, connector, "SELECT requested AS value FROM mailboxes WHERE connector_id = $1").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_waits_for_its_own_mailbox_alone() {
    let test = database().await;
    let [held, other] = [Ids::of(1), Ids::of(2)];
    for ids in [&held, &other] {
        ids.connect(&test.db, "sub").await;
    }
    let handler = MailboxChangedHandler::new(state(&test.db, &held));
    let batch = [delivered(&held, &held.address, "pubsub"), delivered(&held, &other.address, "pubsub")];
    let commit = hold(&test.db, &held).await;
    // Nobody lets go within the patience of a push: it comes again, and the others of its batch do not.
    let (outcomes, ()) = tokio::join!(
        handler.handle(&batch),
        eventually("the other mailbox is marked", Duration::from_secs(4), || async {
            (requested(&test.db, other.connector).await == 1).then_some(())
        })
    );
    assert!(matches!(outcomes[..], [Outcome::Retry { .. }, Outcome::Done]), "{outcomes:?}");
    assert_eq!(requested(&test.db, held.connector).await, 0);
    let (again, committed) = tokio::join!(handler.handle(&batch), commit.commit());
    committed.unwrap();
    assert_eq!(again, [Outcome::Done, Outcome::Done]);
    assert_eq!([requested(&test.db, held.connector).await, requested(&test.db, other.connector).await], [1, 1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_push_that_the_database_refuses_holds_up_no_other() {
    let test = database().await;
    let ids = Ids::of(3);
    ids.connect(&test.db, "sub").await;
    let handler = MailboxChangedHandler::new(state(&test.db, &ids));
    let batch = [
        delivered(&ids, &ids.address, "pubsub"),
        delivered(&ids, &ids.address, "pub\0sub"),
        delivered(&ids, &ids.address, "pubsub"),
    ];
    let outcomes = handler.handle(&batch).await;
    assert!(matches!(outcomes[..], [Outcome::Done, Outcome::DeadLetter { .. }, Outcome::Done]), "{outcomes:?}");
    assert_eq!(requested(&test.db, ids.connector).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_goes_after_its_run_has_ended_and_not_before() {
    let test = database().await;
    let ids = Ids::of(4);
    ids.connect(&test.db, "sub").await;
    let world = World::new(4, Arc::new(ids.clock.clone()));
    world.create_mailbox(&MailboxSpec { sizes: Sizes::Small, ..MailboxSpec::new(ids.address.clone(), 30) }).unwrap();
    let gmail = SimGmail::new(world.clone(), &ids.address, ids.clock.clone(), 4, 10);
    let engine = engine(&test.db, SimAccess(Arc::new(move |_| Some(gmail.clone()))), ids.seams.clone(), "one");
    while engine.run_mailbox(ids.connector).await.unwrap() {}
    let listed = async || {
        let tx = test.db.tenant(&ids.tenant).await.unwrap();
        sql("SELECT count(*) AS value FROM sync_listing").get_result::<Value<i64>>(&tx).await.unwrap().0
    };
    assert_eq!(listed().await, 30, "the transaction that ends a run removes no listing");
    let state = state(&test.db, &ids);
    let stop = CancellationToken::new();
    // At work again: its listing stays.
    let tx = test.db.tenant(&ids.tenant).await.unwrap();
    sql("UPDATE sync_runs SET state = 'confirming', finished_at = NULL").execute(&tx).await.unwrap();
    tx.commit().await.unwrap();
    clear_listings::run(&state, &stop).await.unwrap();
    assert_eq!(listed().await, 30);
    let tx = test.db.tenant(&ids.tenant).await.unwrap();
    sql("UPDATE sync_runs SET state = 'superseded', finished_at = now()").execute(&tx).await.unwrap();
    tx.commit().await.unwrap();
    // Nobody needs the mailbox's lock for it.
    let commit = hold(&test.db, &ids).await;
    clear_listings::run(&state, &stop).await.unwrap();
    assert_eq!(listed().await, 0);
    commit.commit().await.unwrap();
    let tx = test.db.system().await.unwrap();
    let left = postrider_sync_worker::store::listing::list_leftovers(&tx, 10).await.unwrap();
    assert!(left.is_empty(), "{left:?}");
}
