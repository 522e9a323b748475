//! Timed jobs. Each is safe with many replicas.

mod prune;

use std::time::Duration;

use postrider_runtime::{Shutdown, Tasks};

pub use prune::{prune, prune_tenant};

use crate::state::State;

/// What is older than the retention goes hourly.
const EVERY: Duration = Duration::from_secs(3_600);

/// Starts all of them.
pub fn start(state: &State, retention: chrono::TimeDelta, tasks: &Tasks, shutdown: &Shutdown) {
    postrider_events::partitions::keep(tasks, shutdown, &state.db);
    let (state, stop) = (state.clone(), shutdown.soft.clone());
    tasks.supervise("prune", shutdown, move || prune::run(state.clone(), retention, EVERY, stop.clone()));
}
