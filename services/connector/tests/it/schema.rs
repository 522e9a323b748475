//! Who may see what, by SQL; and the migrations both ways.

use postrider_connector::store::migrations;
use postrider_domain::TenantId;
use postrider_storage::{Error, Spec, Statement, Value};

use crate::browser::Browser;
use crate::harness::{ANN, World};

const TENANT_TABLES: [&str; 4] = ["connectors", "credentials", "watches", "oauth_states"];

async fn filled() -> World {
    let world = World::with(&[("GMAIL_PUBSUB_TOPIC", crate::harness::TOPIC)]).await;
    world.connect("ann", ANN).await;
    Browser::default().begin(&world, "ann", None).await;
    world
}

async fn count(world: &World, tenant: &str, table: &str) -> Result<i64, Error> {
    let tx = world.db.db.tenant(&TenantId::parse(tenant).unwrap()).await?;
    let text = format!("SELECT count(*) AS value FROM (SELECT * FROM {table}) AS all_of_it");
    Ok(Statement::dynamic(text).get_result::<Value<i64>>(&tx).await?.0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_sees_its_own_rows_only() {
    let world = filled().await;
    for table in TENANT_TABLES {
        assert_eq!(count(&world, "acme", table).await.unwrap(), 1, "{table}");
        assert_eq!(count(&world, "other", table).await.unwrap(), 0, "{table}");
    }
    let tx = world.db.db.tenant(&TenantId::parse("other").unwrap()).await.unwrap();
    let text = "SELECT count(*) AS value FROM (SELECT id, last_notification_at FROM google_accounts) AS seen";
    assert_eq!(Statement::dynamic(text.to_owned()).get_result::<Value<i64>>(&tx).await.unwrap().0, 0);
    for write in [
        "UPDATE connectors SET display_name = 'mine'",
        "UPDATE credentials SET refresh_sealed = NULL",
        "UPDATE watches SET state = 'stopped'",
    ] {
        assert_eq!(Statement::dynamic(write.to_owned()).execute(&tx).await.unwrap(), 0, "{write}");
    }
    let stolen = "INSERT INTO credentials (connector_id, tenant, version, refresh_sealed) \
                  VALUES (gen_random_uuid(), 'acme', 1, 'x')";
    let error = Statement::dynamic(stolen.to_owned()).execute(&tx).await.unwrap_err();
    assert!(matches!(error, Error::Forbidden(_)), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tenant_role_reaches_no_control_table() {
    let world = filled().await;
    for table in ["google_apps", "google_accounts", "grant_endings", "leases"] {
        let error = count(&world, "acme", table).await.unwrap_err();
        assert!(matches!(error, Error::Forbidden(_)), "{table}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn across_tenants_only_ids_and_states_are_visible() {
    let world = filled().await;
    for refused in [
        "SELECT * FROM connectors",
        "SELECT email_address FROM connectors",
        "SELECT owner FROM connectors",
        "SELECT settings FROM connectors",
        "SELECT * FROM credentials",
        "SELECT * FROM watches",
        "SELECT answer_sealed FROM redeemed_codes",
        "SELECT user_id FROM connect_links",
        "SELECT address_key FROM connect_links",
        "UPDATE connect_links SET used_at = NULL",
        "UPDATE connectors SET status = 'disconnected'",
        "DELETE FROM connectors",
        "INSERT INTO oauth_states DEFAULT VALUES",
    ] {
        let tx = world.db.db.system().await.unwrap();
        let error = Statement::dynamic(refused.to_owned()).execute(&tx).await.unwrap_err();
        assert!(matches!(error, Error::Forbidden(_)), "{refused}: {error}");
    }
    let tx = world.db.db.system().await.unwrap();
    let allowed =
        "SELECT count(*) AS value FROM (SELECT id, tenant, account_id, status, check_due_at FROM connectors) c";
    assert_eq!(Statement::dynamic(allowed.to_owned()).get_result::<Value<i64>>(&tx).await.unwrap().0, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_table_has_forced_row_security_and_a_birthday() {
    let world = World::new().await;
    let conn = world.db.admin().await;
    let own = "n.nspname = 'connector' AND c.relkind = 'r' AND c.relname IN \
        ('google_apps', 'google_accounts', 'connectors', 'credentials', 'watches', 'oauth_states', 'grant_endings', 'redeemed_codes', 'connect_links', 'bootstrap_tokens')";
    let text = format!(
        "SELECT c.relname::text AS value FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {own} \
         AND c.relrowsecurity AND c.relforcerowsecurity AND EXISTS (SELECT 1 FROM pg_attribute a \
         WHERE a.attrelid = c.oid AND a.attname = 'created_at' AND a.attnotnull)"
    );
    assert_eq!(Statement::dynamic(text).load::<Value<String>>(&conn).await.unwrap().len(), 10);
    let definers = "SELECT p.proname::text AS value FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace \
        WHERE n.nspname = 'connector' AND p.prosecdef ORDER BY 1";
    let names = Statement::dynamic(definers.to_owned()).load::<Value<String>>(&conn).await.unwrap();
    let names: Vec<_> = names.into_iter().map(|row| row.0).collect();
    assert_eq!(names, ["drop_partitions", "ensure_partitions"], "a new function crosses tenants: name it here");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_migrations_go_back_and_forth() {
    let db = postrider_testing::db::TestDb::fresh(Spec::CONNECTOR, migrations).await;
    let (ran, _) = db.down_and_up(migrations).await;
    assert_eq!(ran, 18);
}
