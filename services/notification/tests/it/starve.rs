//! What waits for the database leaves room for what must not.

use std::time::Duration;

use postrider_storage::{AsyncPgConnection, Statement, Value};
use postrider_testing::eventually;
use serde_json::json;

use crate::harness::{SOON, World, settings};
use crate::producer::{Account, mail};

async fn run(conn: &AsyncPgConnection, text: &str) {
    Statement::dynamic(text.to_owned()).execute(conn).await.unwrap();
}

/// Sockets of users whose row somebody else is just making wait for that transaction, each with a connection.
#[tokio::test(flavor = "multi_thread")]
async fn sockets_that_wait_for_the_database_leave_consumers_and_routes_their_share() {
    let world = World::new().await;
    let replica = world.replica(settings()).await;
    let (holder, looker) = (world.db.admin().await, world.db.admin().await);
    run(&holder, "BEGIN").await;
    run(
        &holder,
        "INSERT INTO notification.users (tenant, user_id, epoch, created_at, updated_at) \
         SELECT 't1', 's' || n, gen_random_uuid(), now(), now() FROM generate_series(1, 20) n",
    )
    .await;
    let mut sockets = Vec::new();
    for n in 1..=20 {
        let account = Account::new("t1", &format!("s{n}"));
        let mut socket = replica.authenticated(&account).await;
        socket.emit("subscribe", &json!({ "room": format!("user:s{n}:notifications") })).await;
        sockets.push(socket);
    }
    eventually("sockets that wait", SOON, || async {
        let waiting = "SELECT count(*) AS value FROM pg_stat_activity \
            WHERE datname = current_database() AND wait_event_type = 'Lock'";
        let Value(waiting) = Statement::dynamic(waiting.to_owned()).get_result::<Value<i64>>(&looker).await.unwrap();
        (waiting >= 4).then_some(())
    })
    .await;
    let other = Account::new("t1", "u1");
    world.send(&other, &mail("m1")).await;
    let told = async {
        world.notified(&other, 1).await;
        replica.get(&other, "/api/notifications").await
    };
    // Sooner than a caller that finds no connection would give up.
    let list = tokio::time::timeout(Duration::from_secs(6), told).await.expect("the others go on");
    assert_eq!(list["unreadCount"], 1);
    run(&holder, "ROLLBACK").await;
}
