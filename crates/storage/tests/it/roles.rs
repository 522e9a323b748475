//! Law 5 at the level of SQL: the service's role cannot get round tenant scoping by forgetting it.

use postrider_storage::{Db, DbConfig, Error, Spec, Value, migrate, sql};
use postrider_testing::db::{TestDb, value};
use postrider_testing::events::{append, base_schema, event_of, tenant};

async fn two_tenants() -> TestDb {
    let test = base_schema().await;
    append(&test.db, vec![event_of("acme", "connector/a", 1)]).await;
    let mut tx = test.db.tenant(&tenant("globex")).await.unwrap();
    postrider_events::outbox::append(&mut tx, vec![event_of("globex", "connector/b", 1)]).await.unwrap();
    tx.commit().await.unwrap();
    test
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenants_transaction_sees_no_row_of_another() {
    let test = two_tenants().await;
    let tx = test.db.tenant(&tenant("acme")).await.unwrap();
    assert_eq!(value::<i64>(&tx, "SELECT count(*) AS value FROM outbox").await, 1);
    assert_eq!(value::<i64>(&tx, "SELECT count(*) AS value FROM outbox WHERE tenant = 'globex'").await, 0);
    assert_eq!(value::<i64>(&tx, "SELECT count(*) AS value FROM streams").await, 1);
    let changed = sql("UPDATE streams SET head = 99 WHERE tenant = 'globex'").execute(&tx).await.unwrap();
    assert_eq!(changed, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenants_transaction_cannot_write_for_another() {
    let test = two_tenants().await;
    let mut tx = test.db.tenant(&tenant("acme")).await.unwrap();
    let refused = postrider_events::outbox::append(&mut tx, vec![event_of("globex", "connector/c", 1)]).await;
    assert!(matches!(refused, Err(Error::Forbidden(_))), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_entered_no_role_may_do_nothing() {
    let test = two_tenants().await;
    let conn = postrider_storage::connect::open(
        &test.url,
        &postrider_storage::connect::Session {
            application_name: "test".into(),
            schema: "gateway".into(),
            statement_timeout: std::time::Duration::from_secs(5),
        },
    )
    .await
    .unwrap();
    for statement in ["SELECT * FROM outbox", "SELECT * FROM streams", "SELECT * FROM inbox", "DELETE FROM leases"] {
        let refused = sql(statement).execute(&conn).await;
        assert!(matches!(refused, Err(Error::Forbidden(_))), "{statement}: {refused:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_setting_without_a_tenant_sees_nothing() {
    let test = two_tenants().await;
    let tx = test.db.tenant(&tenant("acme")).await.unwrap();
    // After its first use the setting is '' and not NULL: the policy must treat both as nobody.
    sql("SELECT set_config('postrider.tenant', '', true)").execute(&tx).await.unwrap();
    assert_eq!(value::<i64>(&tx, "SELECT count(*) AS value FROM outbox").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_cannot_read_another_schema() {
    let test = base_schema().await;
    // A second service's schema in the same database.
    let other = Spec { service: "other", schema: "other", role: "other_service" };
    let url = migrate::derived_service_url(&test.admin_url, &other).unwrap();
    migrate::run(&test.admin_url, &url, &other, migrate::NONE).await.unwrap();
    let (tenant, system) = (test.db.tenant(&tenant("acme")).await.unwrap(), test.db.system().await.unwrap());
    for (role, tx) in [("tenant", &*tenant), ("system", &*system)] {
        let refused = sql("SELECT * FROM other.outbox").execute(tx).await;
        assert!(matches!(refused, Err(Error::Forbidden(_))), "{role}: {refused:?}");
    }
    let tx = test.db.system().await.unwrap();
    let refused = sql("SET LOCAL ROLE other_service_tenant").execute(&tx).await;
    assert!(matches!(refused, Err(Error::Forbidden(_))), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_cross_tenant_function_is_known() {
    let test = base_schema().await;
    let tx = test.db.system().await.unwrap();
    let definers = sql("SELECT p.proname::text AS value FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace \
         WHERE n.nspname = 'gateway' AND p.prosecdef ORDER BY 1")
    .load::<Value<String>>(&tx)
    .await
    .unwrap();
    let names: Vec<_> = definers.into_iter().map(|Value(name)| name).collect();
    assert_eq!(names, ["drop_partitions", "ensure_partitions"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_an_error_and_not_a_panic() {
    let test = base_schema().await;
    let mut url = test.url.expose().parse::<url::Url>().unwrap();
    url.set_password(Some("wrong")).unwrap();
    let db = Db::connect(DbConfig::new(postrider_domain::Secret::new(url.to_string()), Spec::GATEWAY)).unwrap();
    assert!(db.ping().await.is_err());
}

/// The server's log must not learn a password: what it is sent is a verifier. And what an operator writes into a URL is
/// the password that is set, percent signs and quotes included.
#[tokio::test(flavor = "multi_thread")]
async fn the_server_is_sent_a_verifier_and_the_url_logs_in() {
    let test = base_schema().await;
    // A role of its own: roles are the whole server's, and other tests log in meanwhile.
    let spec = Spec { service: "sealed", schema: "sealed", role: "sealed_service" };
    let mut url = test.admin_url.expose().parse::<url::Url>().unwrap();
    url.set_username(spec.role).unwrap();
    url.set_password(Some("it's 100% ünsafe$$")).unwrap();
    let url = postrider_domain::Secret::new(url.to_string());
    let admin = test.admin().await;
    migrate::run(&test.admin_url, &url, &spec, migrate::NONE).await.unwrap();
    let stored =
        value::<String>(&admin, "SELECT rolpassword AS value FROM pg_authid WHERE rolname = 'sealed_service'").await;
    assert!(stored.starts_with("SCRAM-SHA-256$4096:"), "{stored}");
    Db::connect(DbConfig::new(url, spec)).unwrap().ping().await.unwrap();
}
