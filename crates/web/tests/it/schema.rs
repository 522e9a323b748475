//! A service whose schema is behind it takes no requests.

use postrider_storage::{Spec, migrate};
use postrider_testing::db::TestDb;
use postrider_web::Health;

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_that_is_behind_is_not_ready_until_it_is_migrated() {
    let test = TestDb::fresh(Spec::GATEWAY, || migrate::NONE).await;
    let health = || Health::new().database(&test.db).schema(&test.db, migrate::NONE);
    let said = async |health: Health| {
        let report = health.report().await;
        (report.ready, serde_json::to_value(report.checks).unwrap())
    };
    assert_eq!(said(health()).await, (true, serde_json::json!({ "database": "ok", "schema": "ok" })));
    migrate::revert_all(&test.admin_url, &Spec::GATEWAY, migrate::NONE).await.unwrap();
    assert_eq!(said(health()).await, (false, serde_json::json!({ "database": "ok", "schema": "failed" })));
    migrate::run(&test.admin_url, &test.url, &Spec::GATEWAY, migrate::NONE).await.unwrap();
    assert_eq!(said(health()).await, (true, serde_json::json!({ "database": "ok", "schema": "ok" })));
}
