//! Nobody sees another's mail: by the API, and by SQL in every schema.

use std::time::Duration;

use postrider_e2e::{Account, World};
use postrider_storage::{Db, DbConfig, Error, Spec, Statement, sql};
use reqwest::{Method, StatusCode};

postrider_storage::row! {
    struct Table {
        schema: String,
        name: String,
        forced: bool,
        has_tenant: bool,
    }
}

postrider_storage::row! {
    struct Name {
        name: String,
    }
}

postrider_storage::row! {
    struct Tenants {
        only_ours: bool,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tenants_and_services_stay_apart() {
    let world = World::start().await;
    for (address, seed) in [("a@example.com", 1), ("b@example.com", 2)] {
        world.sim.mailbox(address, 10, seed).await;
    }
    let ours = Account::connect(&world, "acme", "ann", "a@example.com").await;
    let theirs = Account::connect(&world, "globex", "bob", "b@example.com").await;
    for account in [&ours, &theirs] {
        account.first_sync(&world, Duration::from_secs(120)).await;
        let live = world.sim.deliver(&account.address, 1).await;
        account.notified_once(&world, &live, Duration::from_secs(60)).await;
    }

    // By the API: another's ids do not exist.
    let mail = theirs.client.get("/api/v1/emails").await["data"][0]["id"].as_str().unwrap().to_owned();
    let note = theirs.client.get("/api/notifications").await["data"][0]["id"].as_str().unwrap().to_owned();
    let run = theirs.client.get("/api/v1/sync-runs").await["data"][0]["id"].as_str().unwrap().to_owned();
    for path in [
        format!("/api/v1/emails/{mail}"),
        format!("/api/v1/emails/{mail}/raw"),
        format!("/api/v1/sync-runs/{run}"),
        format!("/api/notifications/{note}"),
        format!("/api/connectors/{}", theirs.connector),
        format!("/api/v1/emails?connector_id={}", theirs.connector),
        "/gmail/stats?user_email=b@example.com".to_owned(),
    ] {
        let answer = ours.client.call(Method::GET, &path, None).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}: {}", answer.body);
        assert_eq!(answer.content_type, "application/problem+json", "{path}");
    }

    // By SQL: every table of every schema, in a transaction of tenant acme.
    let admin = world.admin().await;
    let tables = sql("SELECT n.nspname::text AS schema, c.relname::text AS name, \
            c.relrowsecurity AND c.relforcerowsecurity AS forced, \
            EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'tenant') AS has_tenant \
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE n.nspname IN ('gateway', 'ingest', 'connector', 'mailbox', 'notification') \
            AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relname <> '__diesel_schema_migrations' \
         ORDER BY 1, 2")
    .load::<Table>(&admin)
    .await
    .unwrap();
    assert!(tables.len() > 30);
    for table in tables.iter().filter(|table| table.has_tenant) {
        assert!(table.forced, "{}.{} has no forced row-level security", table.schema, table.name);
    }
    let acme = postrider_domain::TenantId::parse("acme").unwrap();
    for spec in Spec::ALL {
        let url = world.stack.database_url_of(&spec).unwrap();
        let db = Db::connect(DbConfig::new(url, spec)).unwrap();
        for table in &tables {
            let name = format!("{}.{}", table.schema, table.name);
            let select = format!("SELECT * FROM {name}");
            let tx = db.tenant(&acme).await.unwrap();
            let own = table.schema == spec.schema;
            if !own {
                let refused = Statement::dynamic(select.clone()).execute(&tx).await;
                assert!(matches!(refused, Err(Error::Forbidden(_))), "{} reads {name}: {refused:?}", spec.role);
                continue;
            }
            if table.has_tenant {
                let seen = Statement::dynamic(format!(
                    "SELECT coalesce(bool_and(tenant = 'acme'), true) AS only_ours FROM {name}"
                ))
                .get_result::<Tenants>(&tx)
                .await;
                match seen {
                    Ok(seen) => assert!(seen.only_ours, "{name} shows rows of another tenant"),
                    Err(Error::Forbidden(_)) => {}
                    Err(error) => panic!("{name}: {error}"),
                }
            }
        }
        // Never the content of mails or notifications in the cross-tenant role.
        for name in ["mailbox.emails", "mailbox.email_sources", "mailbox.blobs", "notification.notifications"] {
            let tx = db.system().await.unwrap();
            let refused = Statement::dynamic(format!("SELECT * FROM {name}")).execute(&tx).await;
            assert!(matches!(refused, Err(Error::Forbidden(_))), "{} system reads {name}: {refused:?}", spec.role);
        }
    }
    // Every function that runs with its owner's rights, in all schemas.
    let definers = sql("SELECT n.nspname || '.' || p.proname AS name FROM pg_proc p \
         JOIN pg_namespace n ON n.oid = p.pronamespace \
         WHERE p.prosecdef AND n.nspname IN ('gateway', 'ingest', 'connector', 'mailbox', 'notification') ORDER BY 1")
    .load::<Name>(&admin)
    .await
    .unwrap();
    let known: Vec<String> = Spec::ALL
        .iter()
        .flat_map(|spec| ["drop_partitions", "ensure_partitions"].map(|name| format!("{}.{name}", spec.schema)))
        .chain(
            // By times, and by ids for workers that run while the migration of it does.
            ["mail_holds", "mails_holding", "mails_holding", "refresh_statistics", "search_mails"]
                .map(|name| format!("mailbox.{name}")),
        )
        .collect();
    let mut found: Vec<String> = definers.into_iter().map(|row| row.name).collect();
    let mut known = known;
    known.sort();
    found.sort();
    assert_eq!(found, known);
}
