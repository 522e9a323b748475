//! The schema comes up and goes down again.

use testing::db::TestDb;

#[tokio::test(flavor = "multi_thread")]
async fn migrations_run_up_and_down() {
    let db = TestDb::fresh(ingest_webhook::store::SPEC, ingest_webhook::store::migrations).await;
    db.db.ping().await.unwrap();
    let spec = ingest_webhook::store::SPEC;
    let reverted =
        storage::migrate::revert_all(&db.admin_url, &spec, ingest_webhook::store::migrations()).await.unwrap();
    assert!(reverted >= 1);
}
