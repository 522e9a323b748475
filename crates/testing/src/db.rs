//! A database for each test: a migrated template is made once for each version of the migrations and cloned.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use anyhow::{Context, Result};
use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection};
use postrider_domain::Secret;
use postrider_storage::{Db, DbConfig, EmbeddedMigrations, Spec, Value, sql};
use url::Url;

use crate::services;

/// A database of one test; dropped with it.
pub struct TestDb {
    /// The service's own pool.
    pub db: Db,
    /// The service's own URL.
    pub url: Secret,
    /// The administrator's URL of this database.
    pub admin_url: Secret,
    name: String,
}

impl TestDb {
    /// A fresh database with one service's schema.
    pub async fn fresh(spec: Spec, migrations: fn() -> EmbeddedMigrations) -> Self {
        match Self::try_fresh(spec, migrations).await {
            Ok(db) => db,
            Err(error) => panic!("no test database: {error:#}"),
        }
    }

    async fn try_fresh(spec: Spec, migrations: fn() -> EmbeddedMigrations) -> Result<Self> {
        let admin = services::admin_database_url()?;
        let template = template(&admin, spec, migrations).await?;
        let name = format!("test_{}", unique());
        let mut conn = connect(&admin).await?;
        create_from(&mut conn, &name, &template).await?;
        let admin_url = with_database(&admin, &name)?;
        let url = postrider_storage::migrate::derived_service_url(&admin_url, &spec)?;
        let db = Db::connect(DbConfig::new(url.clone(), spec))?;
        Ok(Self { db, url, admin_url, name })
    }

    /// A further pool on the same database, as a second replica has.
    pub fn replica(&self) -> Db {
        match Db::connect(DbConfig::new(self.url.clone(), *self.db.spec())) {
            Ok(db) => db,
            Err(error) => panic!("no second pool: {error}"),
        }
    }

    /// An administrator's connection, for looking behind the roles.
    pub async fn admin(&self) -> AsyncPgConnection {
        match connect(&self.admin_url).await {
            Ok(conn) => conn,
            Err(error) => panic!("no administrator connection: {error:#}"),
        }
    }

    /// Takes the schema's migrations back and runs them again. Returns how many there are, and the tables they make.
    ///
    /// # Panics
    /// When a table is left when all are taken back, or others are there after they ran again.
    pub async fn down_and_up(&self, migrations: fn() -> EmbeddedMigrations) -> (usize, Vec<String>) {
        let spec = *self.db.spec();
        let up = self.tables(&spec).await;
        let reverted = match postrider_storage::migrate::revert_all(&self.admin_url, &spec, migrations()).await {
            Ok(reverted) => reverted,
            Err(error) => panic!("the migrations of {} do not go down: {error:#}", spec.schema),
        };
        assert_eq!(self.tables(&spec).await, Vec::<String>::new(), "{} goes down to nothing", spec.schema);
        let ran = match postrider_storage::migrate::run(&self.admin_url, &self.url, &spec, migrations()).await {
            Ok(ran) => ran.len(),
            Err(error) => panic!("the migrations of {} do not come up again: {error:#}", spec.schema),
        };
        assert_eq!((ran, self.tables(&spec).await), (reverted, up.clone()), "{} comes up again", spec.schema);
        (ran, up)
    }

    /// Partitions without their day: the template's are of the day it was made on, which may have been yesterday.
    async fn tables(&self, spec: &Spec) -> Vec<String> {
        let tables = sql(
            "SELECT regexp_replace(table_name::text, '_[0-9]{8}$', '_day') AS value FROM information_schema.tables \
             WHERE table_schema = $1 AND table_name <> '__diesel_schema_migrations' ORDER BY 1",
        )
        .bind(spec.schema)
        .load::<Value<String>>(&self.admin().await)
        .await;
        match tables {
            Ok(tables) => tables.into_iter().map(|Value(table)| table).collect(),
            Err(error) => panic!("the tables of {}: {error}", spec.schema),
        }
    }
}

impl Drop for TestDb {
    fn drop(&mut self) {
        let (Ok(admin), name) = (services::admin_database_url(), self.name.clone()) else { return };
        // A thread of its own: the test's runtime may be on its way out.
        let dropper = std::thread::spawn(move || {
            let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
            let _left_for_the_sweep = runtime.block_on(async move {
                let mut conn = connect(&admin).await?;
                conn.batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await?;
                anyhow::Ok(())
            });
        });
        let _panicked = dropper.join();
    }
}

/// The one value of a statement (`SELECT … AS value`).
///
/// # Panics
/// When the database refuses, or there is no row.
pub async fn value<T>(conn: &AsyncPgConnection, text: &'static str) -> T
where
    Value<T>: postrider_storage::QueryableByName<postrider_storage::Pg> + Send + 'static,
{
    match sql(text).get_result::<Value<T>>(conn).await {
        Ok(Value(value)) => value,
        Err(error) => panic!("{text}: {error}"),
    }
}

/// Makes the template if this version has none yet. Tests run in many processes: a lock in the database lets one work.
async fn template(admin: &Secret, spec: Spec, migrations: fn() -> EmbeddedMigrations) -> Result<String> {
    let name = format!("tpl_{}_{:016x}", spec.role, version(&spec, migrations())?);
    let mut conn = connect(admin).await?;
    conn.batch_execute("SELECT pg_advisory_lock(hashtext('postrider.test.template'))").await?;
    if !exists(&mut conn, &name).await? {
        let building = format!("{name}_building");
        conn.batch_execute(&format!("DROP DATABASE IF EXISTS {building} WITH (FORCE)")).await?;
        conn.batch_execute(&format!("CREATE DATABASE {building}")).await?;
        let url = with_database(admin, &building)?;
        migrate(url, spec, migrations).await?;
        rename(&mut conn, &building, &name).await?;
    }
    conn.batch_execute("SELECT pg_advisory_unlock(hashtext('postrider.test.template'))").await?;
    Ok(name)
}

/// On a runtime of its own: migrations block, which that of a small test does not allow.
async fn migrate(url: Secret, spec: Spec, migrations: fn() -> EmbeddedMigrations) -> Result<()> {
    let work = move || -> Result<()> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let service_url = postrider_storage::migrate::derived_service_url(&url, &spec)?;
        runtime.block_on(postrider_storage::migrate::run(&url, &service_url, &spec, migrations()))?;
        Ok(())
    };
    tokio::task::spawn_blocking(work).await?
}

async fn rename(conn: &mut AsyncPgConnection, from: &str, to: &str) -> Result<()> {
    retry(conn, &format!("ALTER DATABASE {from} RENAME TO {to}")).await
}

async fn create_from(conn: &mut AsyncPgConnection, name: &str, template: &str) -> Result<()> {
    retry(conn, &format!("CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")).await
}

/// Postgres refuses while a session still looks at the source database; that passes within moments.
async fn retry(conn: &mut AsyncPgConnection, statement: &str) -> Result<()> {
    let mut last = None;
    for _ in 0..100 {
        match conn.batch_execute(statement).await {
            Ok(()) => return Ok(()),
            Err(error) if error.to_string().contains("being accessed") => last = Some(error),
            Err(error) => return Err(error.into()),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Err(anyhow::anyhow!("{statement}: {last:?}"))
}

async fn exists(conn: &mut AsyncPgConnection, name: &str) -> Result<bool> {
    let found = sql("SELECT EXISTS (SELECT 1 FROM pg_database WHERE datname = $1) AS value");
    let Value(exists) = found.bind(name).get_result::<Value<bool>>(conn).await?;
    Ok(exists)
}

/// A number that changes with the text of a service's migrations and with how its role's password is made.
fn version(spec: &Spec, compiled_in: EmbeddedMigrations) -> Result<u64> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations");
    let mut texts = Vec::new();
    for folder in ["base", spec.service].map(|name| root.join(name)).iter().filter(|folder| folder.is_dir()) {
        for migration in std::fs::read_dir(folder)? {
            for file in std::fs::read_dir(migration?.path())? {
                let path = file?.path();
                texts.push((path.clone(), std::fs::read_to_string(path)?));
            }
        }
    }
    texts.sort();
    let mut hash = DefaultHasher::new();
    texts.hash(&mut hash);
    // A program that was built before the newest of them makes another template than one that was built after.
    postrider_storage::migrate::newest(compiled_in).hash(&mut hash);
    // A template's migration also set its role's password.
    postrider_storage::migrate::DERIVATION.hash(&mut hash);
    Ok(hash.finish())
}

async fn connect(url: &Secret) -> Result<AsyncPgConnection> {
    AsyncPgConnection::establish(url.expose()).await.context("the administrator cannot connect: run `make services`")
}

fn with_database(url: &Secret, name: &str) -> Result<Secret> {
    let mut url = Url::parse(url.expose()).context("the administrator's URL is malformed")?;
    url.set_path(name);
    Ok(Secret::new(url.to_string()))
}

fn unique() -> String {
    postrider_domain::Seams::system().ids.uuid().simple().to_string()
}
