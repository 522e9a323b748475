//! The schema comes up, goes down again, and comes up once more.

use postrider_ingest_webhook::store::{SPEC, migrations};
use postrider_storage::migrate;
use postrider_testing::db::{TestDb, value};

#[tokio::test(flavor = "multi_thread")]
async fn migrations_run_up_and_down() {
    const TABLES: &str = "SELECT count(*) AS value FROM information_schema.tables \
                          WHERE table_schema = 'ingest' AND table_name <> '__diesel_schema_migrations'";
    let db = TestDb::fresh(SPEC, migrations).await;
    db.db.ping().await.unwrap();
    let admin = db.admin().await;
    let before: i64 = value(&admin, TABLES).await;
    assert!(before >= 4, "the base has outbox, inbox, streams and leases: {before}");
    let reverted = migrate::revert_all(&db.admin_url, &SPEC, migrations()).await.unwrap();
    assert_eq!(value::<i64>(&admin, TABLES).await, 0);
    let ran = migrate::run(&db.admin_url, &db.url, &SPEC, migrations()).await.unwrap();
    assert_eq!((ran.len(), value::<i64>(&admin, TABLES).await), (reverted, before));
}
