//! What handlers, consumers and jobs may reach. Cheap to clone. No publisher: events go through the outbox.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;
use postrider_domain::{ConnectorId, Seams};
use postrider_runtime::Tasks;
use postrider_storage::Db;
use tokio::sync::{Mutex, Notify};
use uuid::Uuid;

pub use crate::google_port::{App, Google, TokenAnswer};

use crate::config::Settings;
use crate::error::Error;
use crate::metrics::Metrics;
use crate::vault::Vault;

/// The parts behind one pointer: each handler, consumer, job and background task holds a clone.
#[derive(Clone)]
pub struct State(Arc<Parts>);

/// Put together once, in `app.rs`; nothing of it changes while the process lives.
pub struct Parts {
    pub db: Db,
    pub seams: Seams,
    /// For work that must not end with the request that began it.
    pub tasks: Tasks,
    /// The one way to open a refresh token.
    pub vault: Vault,
    pub settings: Settings,
    pub metrics: Metrics,
    /// Absent without an OAuth client.
    pub google: Option<Google>,
    pub wake: Wake,
    pub gates: Gates,
    /// This process, as the holder of refresh claims.
    pub replica: Uuid,
}

impl State {
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// Google, or the error that says there is no OAuth client.
    pub fn google(&self) -> Result<&Google, Error> {
        self.google.as_ref().ok_or(Error::NotConfigured)
    }
}

impl Deref for State {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// Wakes this process's jobs before their next turn. Only a shortcut: what is due stands in the database, where the
/// jobs of all replicas find it.
#[derive(Debug, Default)]
pub struct Wake {
    pub watches: Arc<Notify>,
    pub endings: Arc<Notify>,
}

/// One gate for each connector: tasks of this process that need a refresh queue here instead of at the database.
#[derive(Debug, Clone)]
pub struct Gates(Cache<ConnectorId, Arc<Mutex<()>>>);

impl Gates {
    /// The connector's gate.
    pub fn of(&self, connector: ConnectorId) -> Arc<Mutex<()>> {
        self.0.get_with(connector, Arc::default)
    }
}

impl Default for Gates {
    fn default() -> Self {
        // A gate that is forgotten while it is held only means two tasks meet at the database's claim.
        Self(Cache::builder().max_capacity(100_000).time_to_idle(Duration::from_secs(120)).build())
    }
}
