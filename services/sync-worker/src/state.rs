//! What consumers and jobs may reach. No publisher: events go through the outbox.

use postrider_domain::Seams;
use postrider_storage::Db;

use crate::engine::Engine;
use crate::metrics::Metrics;

/// Shared by consumers and jobs. Cheap to clone.
#[derive(Clone)]
pub struct State {
    pub db: Db,
    pub seams: Seams,
    pub engine: Engine,
    pub metrics: Metrics,
    /// Names this process in leases.
    pub replica: String,
}
