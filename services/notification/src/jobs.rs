//! Timed jobs. Each is safe with many replicas.

mod partitions;
mod prune;

use std::time::Duration;

use postrider_runtime::{Shutdown, Tasks};

pub use prune::{prune, prune_tenant};

use crate::state::State;

/// Hourly: partitions of the shared tables, and what is older than the retention.
const EVERY: Duration = Duration::from_secs(3_600);

/// Starts all of them.
pub fn start(state: &State, retention: chrono::TimeDelta, tasks: &Tasks, shutdown: &Shutdown) {
    let (db, stop) = (state.db.clone(), shutdown.soft.clone());
    tasks.supervise("job.partitions", shutdown, move || partitions::run(db.clone(), EVERY, stop.clone()));
    let (state, stop) = (state.clone(), shutdown.soft.clone());
    tasks.supervise("job.prune", shutdown, move || prune::run(state.clone(), retention, EVERY, stop.clone()));
}
