//! Timed work. Every job is safe with many replicas.

pub mod clean_up;

use postrider_runtime::Context;

use crate::engine::scheduler;
use crate::state::State;

/// Starts every job.
pub fn start(cx: &Context, state: &State) {
    let (tasks, shutdown) = (&cx.tasks, &cx.shutdown);
    let due_scan = (state.engine.clone(), tasks.clone(), shutdown.soft.clone());
    tasks.supervise("job.due_scan", shutdown, move || {
        let (engine, tasks, stop) = due_scan.clone();
        scheduler::run(engine, tasks, stop)
    });
    postrider_events::partitions::keep(tasks, shutdown, &state.db);
    let clean_up = (state.clone(), shutdown.soft.clone());
    tasks.every("job.clean_up", clean_up::EVERY, shutdown, move || {
        let (state, stop) = clean_up.clone();
        async move { clean_up::run(&state, &stop).await }
    });
}
