//! Timed jobs. Each is safe with many replicas.

mod check_triggers;
mod clean_up;
mod close_digests;
mod end_quiet_hours;
mod forget_ended;
mod prune;

use std::time::Duration;

use chrono::TimeDelta;
use postrider_runtime::{Schedule, Shutdown, Tasks};

pub use check_triggers::check_triggers;
pub use clean_up::{CleanedUp, clean_up, clean_up_user};
pub use close_digests::close_digests;
pub use end_quiet_hours::end_quiet_hours;
pub use forget_ended::forget_ended;
pub use prune::{prune, prune_tenant};

use crate::observe;
use crate::state::State;

/// What is older than the retention goes at the start and hourly.
const EVERY: Duration = Duration::from_secs(3_600);
/// How late the end of quiet hours may be noticed.
const QUIET_ENDS: Duration = Duration::from_secs(2);

/// How late the end of a digest's period may be noticed.
const DIGESTS: Duration = Duration::from_secs(5);

/// How late it may be noticed that nobody rang for a mail to be looked into.
const CHECKS: Duration = Duration::from_secs(2);

/// Starts all of them.
pub fn start(state: &State, retention: TimeDelta, digests: bool, tasks: &Tasks, shutdown: &Shutdown) {
    postrider_events::partitions::keep(tasks, shutdown, &state.db);
    let ends = state.clone();
    tasks.every("job.quiet_ends", QUIET_ENDS, shutdown, move || {
        let state = ends.clone();
        async move { end_quiet_hours(&state.db, &state.actions).await }
    });
    if digests {
        let state = state.clone();
        tasks.every("job.digests", DIGESTS, shutdown, move || {
            let state = state.clone();
            async move { close_digests(&state.db, &state.actions).await }
        });
    }
    let checks = state.clone();
    let schedule = Schedule::every(CHECKS).woken_by(state.actions.check_bell().notify());
    tasks.every("job.trigger_checks", schedule, shutdown, move || {
        let state = checks.clone();
        async move { check_triggers(&state.db, &state.actions, state.mail_texts.as_ref()).await }
    });
    let cleans = state.clone();
    tasks.every("job.clean_up", EVERY, shutdown, move || {
        let state = cleans.clone();
        async move { clean_up(&state.db, &state.actions).await.map(observe::cleaned_up) }
    });
    let state = state.clone();
    tasks.every("job.prune", EVERY, shutdown, move || {
        let (db, before) = (state.db.clone(), state.seams.clock.now() - retention);
        async move {
            let ended = forget_ended(&db, before + retention).await?;
            prune(&db, before).await.map(|gone| observe::pruned(ended + gone))
        }
    });
}
