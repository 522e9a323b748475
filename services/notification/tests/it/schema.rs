//! Migrations and roles.

use postrider_domain::TenantId;
use postrider_notification::store::migrations;
use postrider_storage::{Error, Spec, Statement, Value};
use postrider_testing::db::TestDb;

use crate::producer::Account;

async fn names(db: &TestDb, query: &str) -> Vec<String> {
    let admin = db.admin().await;
    let rows = Statement::dynamic(query.to_owned()).load::<Value<String>>(&admin).await.unwrap();
    rows.into_iter().map(|Value(name)| name).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn migrations_go_up_and_down() {
    let db = TestDb::fresh(Spec::NOTIFICATION, migrations).await;
    let (_, tables) = db.down_and_up(migrations).await;
    assert!(tables.contains(&"notifications".to_owned()) && tables.contains(&"outbox".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_table_of_ours_is_forced_under_row_level_security() {
    let db = TestDb::fresh(Spec::NOTIFICATION, migrations).await;
    let open = "SELECT c.relname::text AS value FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
                WHERE n.nspname = 'notification' AND c.relname IN ('accounts', 'users', 'notifications', 'user_log', \
                'preferences', 'suppressions', 'quiet_ends', 'feed', \
                'feed_tickets', 'webhook_endpoints', 'deliveries', 'triggers', 'trigger_fires', 'trigger_checks', \
                'push_subscriptions', 'delivery_covers', 'digest_schedules', 'digests', 'mail_addresses') AND NOT (c.relrowsecurity AND c.relforcerowsecurity)";
    assert_eq!(names(&db, open).await, Vec::<String>::new());
    let undated = "SELECT t.table_name::text AS value FROM information_schema.tables t \
                   WHERE t.table_schema = 'notification' AND t.table_name NOT LIKE '%diesel%' AND NOT EXISTS \
                   (SELECT 1 FROM information_schema.columns c WHERE c.table_schema = t.table_schema \
                    AND c.table_name = t.table_name AND c.column_name = 'created_at')";
    assert_eq!(names(&db, undated).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_system_role_sees_no_content_and_no_role_sees_nothing() {
    let db = TestDb::fresh(Spec::NOTIFICATION, migrations).await;
    for table in ["notifications", "user_log", "preferences", "suppressions", "accounts", "digests", "mail_addresses"] {
        let tx = db.db.system().await.unwrap();
        let read = Statement::dynamic(format!("SELECT 'x' AS value FROM {table}")).load::<Value<String>>(&tx).await;
        assert!(matches!(read, Err(Error::Forbidden(_))), "{table}");
    }
    let tx = db.db.system().await.unwrap();
    Statement::dynamic("SELECT user_id AS value FROM users".to_owned()).load::<Value<String>>(&tx).await.unwrap();
    Statement::dynamic("SELECT user_id AS value FROM quiet_ends".to_owned()).load::<Value<String>>(&tx).await.unwrap();
    tx.rollback().await.unwrap();
    let account = Account::new("t1", "u1");
    let tx = db.db.tenant(&account.tenant).await.unwrap();
    let write = "INSERT INTO users (tenant, user_id, epoch, created_at, updated_at) \
                 VALUES ('t2', 'u', gen_random_uuid(), now(), now())";
    let written = Statement::dynamic(write.to_owned()).execute(&tx).await;
    assert!(matches!(written, Err(Error::Forbidden(_))));
    let tx = db.db.tenant(&TenantId::parse("t1").unwrap()).await.unwrap();
    let deleted = Statement::dynamic("DELETE FROM users".to_owned()).execute(&tx).await;
    assert!(matches!(deleted, Err(Error::Forbidden(_))));
}
