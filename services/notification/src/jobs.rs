//! Timed jobs. Each is safe with many replicas.

mod prune;

use std::time::Duration;

use chrono::TimeDelta;
use postrider_runtime::{Shutdown, Tasks};

pub use prune::{prune, prune_tenant};

use crate::observe;
use crate::state::State;

/// What is older than the retention goes at the start and hourly.
const EVERY: Duration = Duration::from_secs(3_600);

/// Starts all of them.
pub fn start(state: &State, retention: TimeDelta, tasks: &Tasks, shutdown: &Shutdown) {
    postrider_events::partitions::keep(tasks, shutdown, &state.db);
    let state = state.clone();
    tasks.every("job.prune", EVERY, shutdown, move || {
        let (db, before) = (state.db.clone(), state.seams.clock.now() - retention);
        async move { prune(&db, before).await.map(observe::pruned) }
    });
}
