//! Every service's migrations go up, down and up again, and end where they were.

use postrider_storage::{AsyncPgConnection, EmbeddedMigrations, Spec, Value, embed_migrations, migrate, sql};

use postrider_testing::events::base_schema;

const GATEWAY: EmbeddedMigrations = embed_migrations!("../../migrations/gateway");
const INGEST: EmbeddedMigrations = embed_migrations!("../../migrations/ingest-webhook");
const CONNECTOR: EmbeddedMigrations = embed_migrations!("../../migrations/connector");
const SYNC_WORKER: EmbeddedMigrations = embed_migrations!("../../migrations/sync-worker");
const NOTIFICATION: EmbeddedMigrations = embed_migrations!("../../migrations/notification");

pub const ALL: [(Spec, fn() -> EmbeddedMigrations); 5] = [
    (Spec::GATEWAY, || GATEWAY),
    (Spec::INGEST, || INGEST),
    (Spec::CONNECTOR, || CONNECTOR),
    (Spec::SYNC_WORKER, || SYNC_WORKER),
    (Spec::NOTIFICATION, || NOTIFICATION),
];

/// Columns, indexes, constraints, policies, functions and rights of a schema. Day partitions are left out: their names
/// are dates.
async fn catalogue(conn: &mut AsyncPgConnection, schema: &'static str) -> Vec<String> {
    sql("SELECT line AS value FROM ( \
           SELECT 'column ' || table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable || ' ' || \
                  coalesce(column_default, '') AS line FROM information_schema.columns WHERE table_schema = $1 \
           UNION ALL SELECT 'index ' || indexdef FROM pg_indexes WHERE schemaname = $1 \
           UNION ALL SELECT 'policy ' || tablename || ' ' || policyname || ' ' || roles::text || ' ' || cmd || ' ' || \
                  coalesce(qual, '') || ' ' || coalesce(with_check, '') FROM pg_policies WHERE schemaname = $1 \
           UNION ALL SELECT 'grant ' || table_name || ' ' || grantee || ' ' || privilege_type \
                  FROM information_schema.table_privileges WHERE table_schema = $1 \
           UNION ALL SELECT 'function ' || p.proname || ' ' || p.prosecdef FROM pg_proc p \
                  JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = $1 \
           UNION ALL SELECT 'check ' || c.conname || ' ' || pg_get_constraintdef(c.oid) FROM pg_constraint c \
                  JOIN pg_namespace n ON n.oid = c.connamespace WHERE n.nspname = $1) AS lines \
         WHERE line !~ '_[0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9]' AND line !~ '__diesel_schema_migrations' ORDER BY line")
    .bind(schema)
    .load::<Value<String>>(conn)
    .await
    .unwrap()
    .into_iter()
    .map(|Value(line)| line)
    .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_schema_goes_up_down_and_up() {
    let test = base_schema().await;
    let mut admin = test.admin().await;
    for (spec, migrations) in ALL {
        let url = migrate::derived_service_url(&test.admin_url, &spec).unwrap();
        migrate::run(&test.admin_url, &url, &spec, migrations()).await.unwrap();
        assert!(migrate::run(&test.admin_url, &url, &spec, migrations()).await.unwrap().is_empty());
        let up = catalogue(&mut admin, spec.schema).await;
        assert!(up.len() > 20, "{}: {up:?}", spec.service);
        let reverted = migrate::revert_all(&test.admin_url, &spec, migrations()).await.unwrap();
        let down = catalogue(&mut admin, spec.schema).await;
        assert!(down.is_empty(), "{} leaves behind {down:?}", spec.service);
        assert_eq!(migrate::run(&test.admin_url, &url, &spec, migrations()).await.unwrap().len(), reverted);
        assert_eq!(catalogue(&mut admin, spec.schema).await, up, "{}", spec.service);
    }
}
