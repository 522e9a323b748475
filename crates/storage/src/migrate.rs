//! Migrations: roles, schema and tables, by the administrator's URL. Nothing else ever uses that URL.
//!
//! Every schema starts with the tables all services have (`migrations/base`); its own follow.

use diesel::migration::{Migration, MigrationSource};
use diesel::pg::Pg;
use diesel_async::{AsyncMigrationHarness, AsyncPgConnection, SimpleAsyncConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use postrider_domain::Secret;
use postrider_runtime::config::DatabaseUrl;
use postrider_runtime::{ConfigErrors, Env};
use std::time::Duration;

use crate::connect::{Session, open};
use crate::passwords::Verifier;
pub use crate::passwords::{DERIVATION, derived_service_url};
use crate::spec::Spec;

const BASE: EmbeddedMigrations = embed_migrations!("../../migrations/base");

/// Of a service that has no tables of its own yet.
pub const NONE: EmbeddedMigrations = EmbeddedMigrations::new(&[]);

/// A service's migrations behind the base.
struct Whole(EmbeddedMigrations);

impl MigrationSource<Pg> for Whole {
    fn migrations(&self) -> diesel::migration::Result<Vec<Box<dyn Migration<Pg>>>> {
        let mut all = BASE.migrations()?;
        all.extend(self.0.migrations()?);
        Ok(all)
    }
}

/// Why a schema could not be migrated.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    #[error("cannot connect as administrator: {0} (check DATABASE_URL)")]
    Connect(String),
    #[error("cannot prepare roles and schema of {service}: {cause}")]
    Prepare { service: &'static str, cause: String },
    #[error("migration of {service} failed: {cause}")]
    Migration { service: &'static str, cause: String },
    #[error("{0} is not a database URL")]
    Url(&'static str),
    #[error("{0}")]
    Tls(String),
    #[error(
        "DATABASE_URL holds no password to derive the one of {service} from: give it one, or set {variable} with a \
         password of your choice"
    )]
    NoPassword { service: &'static str, variable: String },
    #[error("{variable} must log in as {role}, the role `migrate` makes for the service")]
    OtherUser { variable: String, role: &'static str },
    #[error(transparent)]
    Settings(#[from] ConfigErrors),
}

/// The `migrate` command of a service. Its own database URL may be missing: the role's password is then derived from the
/// administrator's.
///
/// # Errors
/// No `DATABASE_URL`; otherwise as [`run`].
pub async fn command(env: &Env, spec: &Spec, migrations: EmbeddedMigrations) -> Result<(), MigrateError> {
    let admin = DatabaseUrl::admin(env)?;
    let own = match env.optional_secret(&DatabaseUrl::variable(spec.service))? {
        Some(url) => url,
        None => derived_service_url(&admin, spec)?,
    };
    let ran = run(&admin, &own, spec, migrations).await?;
    tracing::info!(migrations = ran.len(), "the schema of {} is up to date", spec.service);
    Ok(())
}

/// Creates the roles and the schema if they are missing, sets the service's password from its own URL and runs the
/// pending migrations as the owner. Returns the names of those that ran. Needs a multi-thread runtime.
pub async fn run(
    admin_url: &Secret,
    service_url: &Secret,
    spec: &Spec,
    migrations: EmbeddedMigrations,
) -> Result<Vec<String>, MigrateError> {
    let mut conn = owner_connection(admin_url, Some(service_url), spec).await?;
    conn.batch_execute("SELECT pg_advisory_lock(hashtext('postrider.migrate'))")
        .await
        .map_err(|error| MigrateError::Prepare { service: spec.service, cause: error.to_string() })?;
    let mut harness = AsyncMigrationHarness::new(conn);
    let ran = harness
        .run_pending_migrations(Whole(migrations))
        .map_err(|error| MigrateError::Migration { service: spec.service, cause: error.to_string() })?;
    Ok(ran.into_iter().map(|version| version.to_string()).collect())
}

/// The version of the newest migration of a service, as diesel notes it; none if even the base has none.
pub fn newest(migrations: EmbeddedMigrations) -> Option<String> {
    let all = Whole(migrations).migrations().ok()?;
    all.iter().map(|migration| migration.name().version().to_string()).max()
}

/// Takes every migration back; the schema is then empty but for diesel's own table. For tests.
pub async fn revert_all(
    admin_url: &Secret,
    spec: &Spec,
    migrations: EmbeddedMigrations,
) -> Result<usize, MigrateError> {
    let conn = owner_connection(admin_url, None, spec).await?;
    let mut harness = AsyncMigrationHarness::new(conn);
    let reverted = harness
        .revert_all_migrations(Whole(migrations))
        .map_err(|error| MigrateError::Migration { service: spec.service, cause: error.to_string() })?;
    Ok(reverted.len())
}

async fn owner_connection(
    admin_url: &Secret,
    service_url: Option<&Secret>,
    spec: &Spec,
) -> Result<AsyncPgConnection, MigrateError> {
    let session = Session {
        application_name: format!("postrider-migrate-{}", spec.service),
        schema: spec.schema.to_owned(),
        statement_timeout: Duration::ZERO,
    };
    let mut conn = open(admin_url, &session).await.map_err(|error| MigrateError::Connect(error.to_string()))?;
    let verifier = service_url.map(|url| Verifier::of(url, spec)).transpose()?.flatten();
    let prepare = prepare_sql(spec, verifier.as_ref());
    // Roles belong to the whole server: two databases that are migrated at once meet there.
    for attempt in 1.. {
        match conn.batch_execute(&prepare).await {
            Ok(()) => break,
            Err(error) if attempt < 10 && is_role_race(&error.to_string()) => {
                tokio::time::sleep(Duration::from_millis(20 * attempt)).await;
            }
            Err(error) => {
                return Err(MigrateError::Prepare { service: spec.service, cause: error.to_string() });
            }
        }
    }
    Ok(conn)
}

fn is_role_race(error: &str) -> bool {
    error.contains("tuple concurrently updated") || error.contains("duplicate key value")
}

/// Roles, schema, grants; then the session becomes the owner. Everything may be repeated.
fn prepare_sql(spec: &Spec, verifier: Option<&Verifier>) -> String {
    let (role, owner, tenant, system) = (spec.role, spec.owner(), spec.tenant_role(), spec.system_role());
    let schema = spec.schema;
    let login = verifier
        .map_or_else(String::new, |verifier| format!("ALTER ROLE {role} LOGIN PASSWORD '{}';", verifier.as_str()));
    format!(
        "DO $prepare$ BEGIN
           PERFORM pg_advisory_xact_lock(hashtext('postrider.roles'));
           IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = '{owner}') THEN CREATE ROLE {owner} NOLOGIN; END IF;
           IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = '{tenant}') THEN CREATE ROLE {tenant} NOLOGIN; END IF;
           IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = '{system}') THEN CREATE ROLE {system} NOLOGIN; END IF;
           IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = '{role}') THEN
             CREATE ROLE {role} LOGIN NOINHERIT; END IF;
           IF NOT pg_has_role('{role}', '{tenant}', 'MEMBER') THEN GRANT {tenant}, {system} TO {role}; END IF;
           IF NOT pg_has_role(current_user, '{owner}', 'MEMBER') THEN GRANT {owner} TO CURRENT_USER; END IF;
           -- Errors that diesel does not tell apart are told by their English texts. Only a superuser may say so.
           IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = '{role}' AND 'lc_messages=C' = ANY (rolconfig)) THEN
             BEGIN ALTER ROLE {role} SET lc_messages = 'C';
             EXCEPTION WHEN insufficient_privilege THEN RAISE WARNING 'lc_messages of {role} stays the server''s'; END;
           END IF;
           {login}
         END $prepare$;
         CREATE SCHEMA IF NOT EXISTS {schema} AUTHORIZATION {owner};
         GRANT USAGE ON SCHEMA {schema} TO {role}, {tenant}, {system};
         REVOKE ALL ON SCHEMA public FROM PUBLIC;
         SET ROLE {owner};"
    )
}
