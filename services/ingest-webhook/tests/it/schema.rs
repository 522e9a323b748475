//! The schema comes up and goes down again.

use postrider_testing::db::TestDb;

#[tokio::test(flavor = "multi_thread")]
async fn migrations_run_up_and_down() {
    let db = TestDb::fresh(postrider_ingest_webhook::store::SPEC, postrider_ingest_webhook::store::migrations).await;
    db.db.ping().await.unwrap();
    let spec = postrider_ingest_webhook::store::SPEC;
    let reverted =
        postrider_storage::migrate::revert_all(&db.admin_url, &spec, postrider_ingest_webhook::store::migrations())
            .await
            .unwrap();
    assert!(reverted >= 1);
}
