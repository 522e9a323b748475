//! The pool. A connection is only ever handed out inside a transaction that has entered a role: see [`Tx`].

use std::any::Any;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use diesel_async::AsyncPgConnection;
use diesel_async::SimpleAsyncConnection;
use diesel_async::pooled_connection::deadpool::{Object, Pool};
use diesel_async::pooled_connection::{AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod};
use futures_util::FutureExt;
use postrider_domain::{Secret, TenantId};
use postrider_runtime::config::DatabaseUrl;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::connect::{Session, check, open};
use crate::error::Error;
use crate::row::Value;
use crate::spec::Spec;
use crate::statement::sql;
use crate::tx::{SystemTx, TenantTx, Tx};

/// How long a caller waits for a free connection before it is told "try again".
const CHECKOUT_TIMEOUT: Duration = Duration::from_secs(10);

/// What a pool is made from.
#[derive(Debug, Clone)]
pub struct DbConfig {
    /// The service's own URL (`<SERVICE>_DATABASE_URL`), never the administrator's.
    pub url: Secret,
    pub spec: Spec,
    /// Most connections open at once.
    pub max_connections: usize,
    /// Longest time one statement may take.
    pub statement_timeout: Duration,
}

impl DbConfig {
    /// Sixteen connections, 30 s for a statement.
    pub fn new(url: Secret, spec: Spec) -> Self {
        Self { url, spec, max_connections: 16, statement_timeout: Duration::from_secs(30) }
    }

    /// A service's settings for its schema.
    pub fn of(settings: DatabaseUrl, spec: Spec) -> Self {
        let DatabaseUrl { url, max_connections, statement_timeout } = settings;
        Self { url, spec, max_connections, statement_timeout }
    }
}

/// A service's database. Cheap to clone.
#[derive(Clone)]
pub struct Db {
    inner: Arc<Inner>,
    /// Bounds how many of the pool's connections transactions of this handle hold at once.
    lane: Option<Arc<Semaphore>>,
}

struct Inner {
    pool: Pool<AsyncPgConnection>,
    spec: Spec,
    begin_system: String,
    attached: OnceLock<Arc<dyn Any + Send + Sync>>,
}

impl std::fmt::Debug for Db {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Db").field("service", &self.inner.spec.service).finish_non_exhaustive()
    }
}

impl Db {
    /// Builds the pool. Connections are opened when they are needed, so a service starts while Postgres is away.
    pub fn connect(config: DbConfig) -> Result<Self, Error> {
        let session = Session {
            application_name: format!("postrider-{}", config.spec.service),
            schema: config.spec.schema.to_owned(),
            statement_timeout: config.statement_timeout,
        };
        check(&config.url).map_err(|error| Error::Other(error.to_string()))?;
        let url = config.url.clone();
        let mut manager = ManagerConfig::default();
        // No ping on check-out: `begin` notices a dead connection itself and takes another.
        manager.recycling_method = RecyclingMethod::Fast;
        manager.custom_setup = Box::new(move |_| {
            let (url, session) = (url.clone(), session.clone());
            async move { open(&url, &session).await }.boxed()
        });
        let manager = AsyncDieselConnectionManager::<AsyncPgConnection>::new_with_config("", manager);
        let pool = Pool::builder(manager)
            .max_size(config.max_connections)
            .wait_timeout(Some(CHECKOUT_TIMEOUT))
            .create_timeout(Some(CHECKOUT_TIMEOUT))
            .runtime(deadpool_runtime())
            .build()
            .map_err(|error| Error::Other(error.to_string()))?;
        let begin_system = format!("BEGIN; SET LOCAL ROLE {}", config.spec.system_role());
        let inner = Inner { pool, spec: config.spec, begin_system, attached: OnceLock::new() };
        Ok(Self { inner: Arc::new(inner), lane: None })
    }

    /// A handle on the same pool whose transactions, and those of its clones, hold at most `connections` of it at once:
    /// for work that may wait, so that the rest is always free for work that may not. What waits for a place queues in
    /// front of the pool and not in it, and is told "try again" after the same patience.
    pub fn lane(&self, connections: usize) -> Self {
        Self { inner: self.inner.clone(), lane: Some(Arc::new(Semaphore::new(connections))) }
    }

    /// The service's schema and roles.
    pub fn spec(&self) -> &Spec {
        &self.inner.spec
    }

    /// Begins a transaction that sees the rows of one tenant.
    pub async fn tenant(&self, tenant: &TenantId) -> Result<TenantTx, Error> {
        let begin = format!("BEGIN; {}", crate::tx::enter_tenant_sql(&self.inner.spec, tenant));
        Ok(TenantTx::new(self.begin(&begin).await?))
    }

    /// As [`Self::tenant`], to read alone: whatever is committed meanwhile, all its statements see one moment.
    pub async fn tenant_snapshot(&self, tenant: &TenantId) -> Result<TenantTx, Error> {
        let enter = crate::tx::enter_tenant_sql(&self.inner.spec, tenant);
        let begin = format!("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; {enter}");
        Ok(TenantTx::new(self.begin(&begin).await?))
    }

    /// Begins a transaction that sees the control tables across tenants.
    pub async fn system(&self) -> Result<SystemTx, Error> {
        Ok(SystemTx::new(self.begin(&self.inner.begin_system).await?))
    }

    /// As [`Self::system`], for what may be lost when the server crashes: the commit does not wait for the disk.
    pub async fn system_unflushed(&self) -> Result<SystemTx, Error> {
        let begin = format!("{}; SET LOCAL synchronous_commit = off", self.inner.begin_system);
        Ok(SystemTx::new(self.begin(&begin).await?))
    }

    /// Whether the database can be reached, for health checks.
    pub async fn ping(&self) -> Result<(), Error> {
        self.system().await?.commit().await
    }

    /// Whether the migration of that version ran here.
    ///
    /// # Errors
    /// As every transaction; also where nothing ran that lets this role read what did.
    pub async fn has_migration(&self, version: &str) -> Result<bool, Error> {
        let tx = self.system().await?;
        let ran = sql("SELECT version AS value FROM __diesel_schema_migrations WHERE version = $1")
            .bind(version)
            .optional::<Value<String>>(&tx)
            .await?;
        tx.commit().await?;
        Ok(ran.is_some())
    }

    /// Connections in use and open, for metrics.
    pub fn usage(&self) -> (usize, usize) {
        let status = self.inner.pool.status();
        (status.size.saturating_sub(status.available), status.size)
    }

    /// Attaches what transactions of this pool shall reach (the way to the relay); the first one stays. Returns
    /// whether it was the first.
    pub fn attach<T: Send + Sync + 'static>(&self, value: T) -> bool {
        self.inner.attached.set(Arc::new(value)).is_ok()
    }

    /// What was attached, if it is of this type.
    pub fn attached<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        self.inner.attached.get()?.clone().downcast().ok()
    }

    async fn place(&self) -> Result<Place, Error> {
        let Some(lane) = &self.lane else { return Ok(None) };
        match tokio::time::timeout(CHECKOUT_TIMEOUT, lane.clone().acquire_owned()).await {
            Ok(Ok(place)) => Ok(Some(place)),
            Ok(Err(_closed)) => Err(Error::Other("the lane is closed".to_owned())),
            Err(_elapsed) => Err(Error::Transient("no free connection in the lane".to_owned())),
        }
    }

    /// One round trip: BEGIN, role and tenant. A connection that died in the pool is dropped and another one taken;
    /// nothing has been done yet, so that is always safe.
    async fn begin(&self, begin: &str) -> Result<Tx, Error> {
        let place = self.place().await?;
        let attempts = self.inner.pool.status().max_size + 1;
        let mut last = Error::Transient("no connection".to_owned());
        for _ in 0..attempts {
            let mut conn = self.inner.pool.get().await.map_err(|error| Error::Transient(error.to_string()))?;
            match conn.batch_execute(begin).await {
                Ok(()) => return Ok(Tx::new(self.clone(), conn, place)),
                Err(error) => {
                    drop(Object::take(conn));
                    last = Error::from(error);
                    if !last.is_transient() {
                        return Err(last);
                    }
                }
            }
        }
        Err(last)
    }
}

/// A place in a lane, given back with the connection.
pub(crate) type Place = Option<OwnedSemaphorePermit>;

/// deadpool needs to know which runtime's timers it may use.
fn deadpool_runtime() -> deadpool::Runtime {
    deadpool::Runtime::Tokio1
}
