//! Timed jobs. Each is safe with many replicas.

mod clean_up;
mod end_quiet_hours;
mod prune;

use std::time::Duration;

use chrono::TimeDelta;
use postrider_runtime::{Shutdown, Tasks};

pub use clean_up::{CleanedUp, clean_up, clean_up_user};
pub use end_quiet_hours::end_quiet_hours;
pub use prune::{prune, prune_tenant};

use crate::observe;
use crate::state::State;

/// What is older than the retention goes at the start and hourly.
const EVERY: Duration = Duration::from_secs(3_600);
/// How late the end of quiet hours may be noticed.
const QUIET_ENDS: Duration = Duration::from_secs(2);

/// Starts all of them.
pub fn start(state: &State, retention: TimeDelta, tasks: &Tasks, shutdown: &Shutdown) {
    postrider_events::partitions::keep(tasks, shutdown, &state.db);
    let ends = state.clone();
    tasks.every("job.quiet_ends", QUIET_ENDS, shutdown, move || {
        let state = ends.clone();
        async move { end_quiet_hours(&state.db, &state.actions).await }
    });
    let cleans = state.clone();
    tasks.every("job.clean_up", EVERY, shutdown, move || {
        let state = cleans.clone();
        async move { clean_up(&state.db, &state.actions).await.map(observe::cleaned_up) }
    });
    let state = state.clone();
    tasks.every("job.prune", EVERY, shutdown, move || {
        let (db, before) = (state.db.clone(), state.seams.clock.now() - retention);
        async move { prune(&db, before).await.map(observe::pruned) }
    });
}
