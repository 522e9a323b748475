//! Users are locked in one order whatever the order of the streams, so that two batches cannot wait for each other in a
//! circle.

use std::future::Future;
use std::sync::Arc;

use chrono::TimeDelta;
use postrider_broker::{Broker, BrokerConfig, Delivered, Handler, Outcome};
use postrider_contracts::connector::ConnectorReauthRequired;
use postrider_domain::{Clock, SystemClock};
use postrider_notification::actions::Actions;
use postrider_notification::consumers::Consumers;
use postrider_notification::hints::{Announcer, Hub, ReplicaId};
use postrider_notification::metrics::Metrics;
use postrider_runtime::Context;
use postrider_storage::{AsyncPgConnection, Statement, Value};
use postrider_testing::eventually;

use crate::harness::{SOON, World};
use crate::producer::{Account, connected, mail, state};

async fn run(conn: &AsyncPgConnection, text: &str) {
    Statement::dynamic(text.to_owned()).execute(conn).await.unwrap();
}

async fn number(conn: &AsyncPgConnection, text: &str) -> i64 {
    Statement::dynamic(text.to_owned()).get_result::<Value<i64>>(conn).await.unwrap().0
}

fn consumers(world: &World, cx: &Context) -> Consumers {
    let broker = Broker::start(BrokerConfig { url: world.vhost.amqp_url(), service: "test" }, cx);
    let metrics = Arc::new(Metrics::new(&cx.registry));
    let announcer = Announcer::new(Hub::default(), broker.live(), ReplicaId(uuid::Uuid::nil()));
    let actions = Actions::new(cx.seams.clone(), announcer, metrics, TimeDelta::days(30));
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let source = Arc::new(world.producer.clone());
    Consumers::new(&world.db.db, &actions, Vec::new(), &clock, source.clone(), source)
}

/// Runs an action while somebody else holds a user: it waits, and what it locks behind that user is free meanwhile.
async fn waits_for_the_user_first<T>(world: &World, user: &str, behind: &str, action: impl Future<Output = T>) -> T {
    let (holder, looker) = (world.db.admin().await, world.db.admin().await);
    run(&holder, "BEGIN").await;
    number(&holder, &format!("SELECT nseq AS value FROM notification.users WHERE user_id = '{user}' FOR UPDATE")).await;
    let look = async {
        eventually("a transaction that waits", SOON, || async {
            let waiting = "SELECT count(*) AS value FROM pg_stat_activity \
                WHERE datname = current_database() AND wait_event_type = 'Lock'";
            (number(&looker, waiting).await > 0).then_some(())
        })
        .await;
        let free = format!("SELECT count(*) AS value FROM (SELECT 1 FROM {behind} FOR UPDATE SKIP LOCKED) AS free");
        assert_eq!(number(&looker, &free).await, 1, "locked before the user: {behind}");
        run(&holder, "COMMIT").await;
    };
    tokio::join!(action, look).0
}

fn delivered(world: &World, of: &Account) -> Delivered {
    let envelope = world.producer.events_of(of).pop().unwrap();
    Delivered { envelope, attempt: 1, redelivered: false }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_of_mails_locks_users_by_name() {
    let world = World::new().await;
    let cx = Context::for_tests();
    let consumers = consumers(&world, &cx);
    // Streams are named by account ids, which grow: the first stream belongs to the last user.
    let (last, first) = (Account::new("t1", "z"), Account::new("t1", "a"));
    assert!(last.id < first.id);
    for account in [&last, &first] {
        world.producer.make(account, &mail("before"));
        assert_eq!(consumers.mailbox.handle(&[delivered(&world, account)]).await, [Outcome::Done]);
        world.producer.make(account, &mail("m1"));
    }
    let batch = [delivered(&world, &last), delivered(&world, &first)];
    let behind = "notification.users WHERE user_id = 'z'";
    let outcomes = waits_for_the_user_first(&world, "a", behind, consumers.mailbox.handle(&batch)).await;
    assert_eq!(outcomes, [Outcome::Done, Outcome::Done]);
    assert_eq!(world.count(&first.tenant, "notifications").await, 4);
    cx.shutdown.stop_hard();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connectors_event_locks_the_user_before_the_account() {
    let world = World::new().await;
    let cx = Context::for_tests();
    let consumers = consumers(&world, &cx);
    let account = Account::new("t1", "u1");
    // The user is there, the account is known; then its grant is lost, which tells the user.
    world.producer.make(&account, &mail("before"));
    assert_eq!(consumers.mailbox.handle(&[delivered(&world, &account)]).await, [Outcome::Done]);
    world.producer.make(&account, &connected(&account, 1));
    assert_eq!(consumers.connector.handle(&[delivered(&world, &account)]).await, [Outcome::Done]);
    world.producer.make(&account, &ConnectorReauthRequired { connector: Some(state(&account, 2, "reauth_required")) });
    let batch = [delivered(&world, &account)];
    let handled = consumers.connector.handle(&batch);
    let outcomes = waits_for_the_user_first(&world, "u1", "notification.accounts", handled).await;
    assert_eq!(outcomes, [Outcome::Done]);
    assert_eq!(world.count(&account.tenant, "notifications").await, 2);
    cx.shutdown.stop_hard();
}
