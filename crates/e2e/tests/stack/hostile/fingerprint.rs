//! The content of every table of the business, as one digest a table.

use std::collections::BTreeMap;
use std::time::Duration;

use diesel_async::AsyncPgConnection;
use postrider_e2e::World;
use postrider_storage::Statement;
use tokio::time::Instant;

/// Tables of the machinery: they move by themselves (marks of what was sent, leases of jobs, spent quota, what ended runs
/// have listed).
const MACHINERY: &str = "'outbox', 'inbox', 'streams', 'stream_heads', 'leases', 'quota_buckets', \
                         'quota_slices', 'quota_days', 'sync_listing', '__diesel_schema_migrations'";
/// Columns the engine moves when it looks after a mailbox nobody asked for.
const ENGINE: &str = "'{epoch,lease_owner,lease_until,due_at,due_reason,last_synced_at,caught_up_at,counted_at,listing_cleared,\
                      updated_at}'";
/// At rest is what stays the same this long: longer than the scan and the last look after a push.
const REST: Duration = Duration::from_secs(4);
const PATIENCE: Duration = Duration::from_secs(90);

postrider_storage::row! {
    struct Table {
        name: String,
    }
}

postrider_storage::row! {
    struct Digest {
        digest: String,
    }
}

async fn take(world: &World) -> BTreeMap<String, String> {
    let conn = world.admin().await;
    let mut digests = BTreeMap::new();
    for name in tables(&conn).await {
        let text = format!(
            "SELECT count(*) || ' rows, ' || coalesce(md5(string_agg(line, E'\\n' ORDER BY line)), '') AS digest \
             FROM (SELECT (to_jsonb(t) - {ENGINE}::text[])::text AS line FROM {name} t) lines"
        );
        let digest = Statement::dynamic(text).get_result::<Digest>(&conn).await.unwrap().digest;
        digests.insert(name, digest);
    }
    digests
}

/// Digests by table, once nothing moves any more.
pub async fn at_rest(world: &World) -> BTreeMap<String, String> {
    let deadline = Instant::now() + PATIENCE;
    let (mut last, mut since) = (take(world).await, Instant::now());
    while since.elapsed() < REST {
        tokio::time::sleep(Duration::from_millis(250)).await;
        let now = take(world).await;
        if now != last {
            assert!(Instant::now() < deadline, "the tables do not come to rest");
            (last, since) = (now, Instant::now());
        }
    }
    for table in ["connector.connectors", "connector.credentials", "mailbox.emails", "notification.notifications"] {
        assert!(last.get(table).is_some_and(|digest| !digest.starts_with("0 ")), "{table}: {last:?}");
    }
    last
}

/// The tables whose content is not as it was before.
pub async fn changed(world: &World, before: &BTreeMap<String, String>) -> Vec<String> {
    let after = take(world).await;
    let differs = |(name, digest): &(String, String)| before.get(name) != Some(digest);
    after.into_iter().filter(differs).map(|(name, digest)| format!("{name}: {digest}")).collect()
}

async fn tables(conn: &AsyncPgConnection) -> Vec<String> {
    let text = format!(
        "SELECT n.nspname || '.' || c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE n.nspname IN ('gateway', 'ingest', 'connector', 'mailbox', 'notification') \
           AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relname NOT IN ({MACHINERY})"
    );
    let tables = Statement::dynamic(text).load::<Table>(conn).await.unwrap();
    assert!(tables.len() > 15, "only {} tables", tables.len());
    tables.into_iter().map(|table| table.name).collect()
}
