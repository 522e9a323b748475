//! Is the process alive, and may it be sent requests?
//!
//! A check answers within two seconds or counts as failed; answers are kept a second, so that probing cannot load what
//! is probed. Why a check failed goes to the log, not to the caller: `/health/ready` is open.

mod routes;

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use postrider_storage::{Db, EmbeddedMigrations, migrate};
use serde::Serialize;
use tokio::sync::Mutex;

pub(crate) use routes::configure;

/// Longest a check may take.
const DEADLINE: Duration = Duration::from_secs(2);
/// How long an answer is kept.
const KEEP: Duration = Duration::from_secs(1);

type CheckFuture = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;
type CheckFn = Arc<dyn Fn() -> CheckFuture + Send + Sync>;

/// The named checks of a service. Clones share them and their kept answers.
#[derive(Clone, Default)]
pub struct Health {
    checks: Vec<Check>,
    kept: Arc<Mutex<Option<(Instant, Report)>>>,
}

#[derive(Clone)]
struct Check {
    name: &'static str,
    /// False: shown, but the service takes requests without it.
    needed: bool,
    ask: CheckFn,
}

/// What a check said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Ok,
    Failed,
    TimedOut,
}

/// Why the schema cannot be said to be current.
#[derive(Debug, thiserror::Error)]
enum SchemaCheck {
    #[error("{0}")]
    Behind(SchemaBehind),
    #[error("{0}")]
    Asking(postrider_storage::Error),
}

/// The remedy stands in the text: this is what an operator finds in the log.
#[derive(Debug, thiserror::Error)]
#[error(
    "the schema of {service} is behind this program, migration {newest} has not run: run `postrider migrate` (or \
     `postrider-{service} migrate`) with the administrator's DATABASE_URL"
)]
struct SchemaBehind {
    service: &'static str,
    newest: String,
}

/// All checks at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    pub ready: bool,
    pub checks: BTreeMap<&'static str, Verdict>,
}

impl Health {
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a check without which the service takes no requests.
    #[must_use]
    pub fn check<F, Fut, E>(self, name: &'static str, ask: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
        E: fmt::Display,
    {
        self.add(name, true, ask)
    }

    /// Adds a check that is shown only: the service does its work without it (sync-worker without the broker).
    #[must_use]
    pub fn watch<F, Fut, E>(self, name: &'static str, ask: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
        E: fmt::Display,
    {
        self.add(name, false, ask)
    }

    /// Needs the database.
    #[must_use]
    pub fn database(self, db: &Db) -> Self {
        let db = db.clone();
        self.check("database", move || {
            let db = db.clone();
            async move { db.ping().await }
        })
    }

    /// Needs a schema as new as this program, whose migrations these are. A schema that once was is not asked again.
    #[must_use]
    pub fn schema(self, db: &Db, migrations: EmbeddedMigrations) -> Self {
        let Some(newest) = migrate::newest(migrations) else { return self };
        let (db, newest, current) = (db.clone(), Arc::<str>::from(newest), Arc::new(AtomicBool::new(false)));
        self.check("schema", move || {
            let (db, newest, current) = (db.clone(), newest.clone(), current.clone());
            async move {
                if current.load(Ordering::Relaxed) {
                    return Ok(());
                }
                let behind = || SchemaBehind { service: db.spec().service, newest: newest.to_string() };
                match db.has_migration(&newest).await {
                    Ok(true) => current.store(true, Ordering::Relaxed),
                    Ok(false) => return Err(SchemaCheck::Behind(behind())),
                    // Older than the right to look, or not there at all.
                    Err(error) if !error.is_transient() => return Err(SchemaCheck::Behind(behind())),
                    Err(error) => return Err(SchemaCheck::Asking(error)),
                }
                Ok(())
            }
        })
    }

    fn add<F, Fut, E>(mut self, name: &'static str, needed: bool, ask: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
        E: fmt::Display,
    {
        let ask: CheckFn = Arc::new(move || {
            let asked = ask();
            Box::pin(async move { asked.await.map_err(|error| error.to_string()) })
        });
        self.checks.push(Check { name, needed, ask });
        self
    }

    /// The checks' answers, at most a second old. Callers at the same time share one round.
    pub async fn report(&self) -> Report {
        let mut kept = self.kept.lock().await;
        if let Some((at, report)) = kept.as_ref()
            && at.elapsed() < KEEP
        {
            return report.clone();
        }
        let verdicts = join_all(self.checks.iter().map(|check| async move { (check, verdict(check).await) })).await;
        let ready = verdicts.iter().all(|(check, verdict)| !check.needed || *verdict == Verdict::Ok);
        let checks = verdicts.into_iter().map(|(check, verdict)| (check.name, verdict)).collect();
        let report = Report { ready, checks };
        *kept = Some((Instant::now(), report.clone()));
        report
    }
}

async fn verdict(check: &Check) -> Verdict {
    match tokio::time::timeout(DEADLINE, (check.ask)()).await {
        Ok(Ok(())) => Verdict::Ok,
        Ok(Err(error)) => {
            tracing::warn!(check = check.name, error = %error, "health check {} failed", check.name);
            Verdict::Failed
        }
        Err(_elapsed) => {
            tracing::warn!(check = check.name, "health check {} took longer than 2 s", check.name);
            Verdict::TimedOut
        }
    }
}

impl fmt::Debug for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.checks.iter().map(|check| check.name)).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU32;

    use super::*;

    #[tokio::test]
    async fn a_needed_check_decides_and_a_watched_one_is_shown() {
        let health = Health::new()
            .check("database", || async { Ok::<(), String>(()) })
            .watch("broker", || async { Err::<(), _>("down") });
        let report = health.report().await;
        assert!(report.ready);
        assert_eq!(report.checks["broker"], Verdict::Failed);
        let health = health.check("disk", || async { Err::<(), _>("full") });
        // A clone with more checks asks anew only once the kept answer is old.
        assert!(health.report().await.ready);
        assert!(!Health { kept: Arc::default(), ..health }.report().await.ready);
    }

    #[tokio::test]
    async fn many_askers_cost_one_round() {
        let asked = Arc::new(AtomicU32::new(0));
        let counter = asked.clone();
        let health = Health::new().check("database", move || {
            counter.fetch_add(1, Ordering::SeqCst);
            async { Ok::<(), String>(()) }
        });
        join_all((0..50).map(|_| health.report())).await;
        assert_eq!(asked.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn a_check_that_hangs_counts_as_failed() {
        let health = Health::new().check("stuck", std::future::pending::<Result<(), String>>);
        let report = health.report().await;
        assert_eq!((report.ready, report.checks["stuck"]), (false, Verdict::TimedOut));
    }
}
