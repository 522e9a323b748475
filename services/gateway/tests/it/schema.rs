//! The schema comes up and goes down again.

use testing::db::TestDb;

#[tokio::test(flavor = "multi_thread")]
async fn migrations_run_up_and_down() {
    let db = TestDb::fresh(gateway::store::SPEC, gateway::store::migrations).await;
    db.db.ping().await.unwrap();
    let spec = gateway::store::SPEC;
    assert!(storage::migrate::revert_all(&db.admin_url, &spec, gateway::store::migrations()).await.unwrap() >= 1);
}
