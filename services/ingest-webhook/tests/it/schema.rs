//! The schema comes up, goes down again, and comes up once more.

use postrider_ingest_webhook::store::{SPEC, migrations};
use postrider_testing::db::TestDb;

#[tokio::test(flavor = "multi_thread")]
async fn migrations_run_up_and_down() {
    let db = TestDb::fresh(SPEC, migrations).await;
    db.db.ping().await.unwrap();
    let (_, tables) = db.down_and_up(migrations).await;
    assert!(tables.len() >= 5 && tables.iter().any(|table| table == "channels"), "{tables:?}");
}
