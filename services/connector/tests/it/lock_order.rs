//! Every transaction locks the account before the connector, so that none of them can wait for each other in a circle.

use std::future::Future;

use postrider_gmail_sim::Rule;
use postrider_gmail_sim::oauth::Death;
use postrider_storage::{AsyncPgConnection, Statement, Value};
use postrider_testing::eventually;

use crate::harness::{ANN, PATIENCE, World};

async fn run(conn: &AsyncPgConnection, text: &str) {
    Statement::dynamic(text.to_owned()).execute(conn).await.unwrap();
}

async fn number(conn: &AsyncPgConnection, text: &str) -> i64 {
    Statement::dynamic(text.to_owned()).get_result::<Value<i64>>(conn).await.unwrap().0
}

/// Runs an action while somebody else holds the account: it waits, and the connector is free meanwhile.
async fn waits_for_the_account_first<T>(world: &World, action: impl Future<Output = T>) -> T {
    let (holder, looker) = (world.db.admin().await, world.db.admin().await);
    run(&looker, "SET search_path = connector").await;
    run(&holder, "BEGIN").await;
    assert_eq!(number(&holder, "SELECT 1::bigint AS value FROM connector.google_accounts FOR UPDATE").await, 1);
    let look = async {
        eventually("a transaction that waits", PATIENCE, || async {
            let waiting = "SELECT count(*) AS value FROM pg_stat_activity \
                WHERE datname = current_database() AND wait_event_type = 'Lock'";
            (number(&looker, waiting).await > 0).then_some(())
        })
        .await;
        let free = "SELECT count(*) AS value FROM (SELECT id FROM connectors FOR UPDATE SKIP LOCKED) AS free";
        assert_eq!(number(&looker, free).await, 1, "the connector is locked before the account");
        run(&holder, "COMMIT").await;
    };
    tokio::join!(action, look).0
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connect_does() {
    let world = World::new().await;
    let id = world.connect("ann", ANN).await;
    assert_eq!(waits_for_the_account_first(&world, world.connect("ann", ANN)).await, id);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_grant_does() {
    let world = World::new().await;
    let id = world.connect("ann", ANN).await;
    let version = world.lease(&id, None).await.body["token_version"].as_i64();
    world.sim.sim().oauth.kill(&world.account(ANN), Death::Revoked);
    let refused = waits_for_the_account_first(&world, world.lease(&id, version)).await;
    assert_eq!(refused.code(), "reauth_required");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_and_the_revoke_after_it_do() {
    let world = World::new().await;
    let slow = Rule { method: Some("oauth.revoke".into()), latency_ms: Some(2_000), ..Rule::default() };
    world.sim.sim().gate.add_rule(slow);
    let path = format!("/api/connectors/{}", world.connect("ann", ANN).await);
    assert_eq!(waits_for_the_account_first(&world, world.call("ann", "DELETE", &path, None)).await.status, 200);
    eventually("a revoke", PATIENCE, || async { (world.asked("oauth.revoke") == 1).then_some(()) }).await;
    let conn = world.db.admin().await;
    let finished = eventually("the end of the grant", PATIENCE, || async {
        (number(&conn, "SELECT count(*) AS value FROM connector.grant_endings").await == 0).then_some(())
    });
    waits_for_the_account_first(&world, finished).await;
}
