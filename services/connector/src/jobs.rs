//! Timed work. Every job is safe with many replicas: what is due is claimed by row, on database time.

pub mod bootstrap;
pub mod check_tokens;
pub mod clean_states;
pub mod end_grants;
pub mod keep_watches;

use std::time::Duration;

use postrider_runtime::{Context, Shutdown};
use tokio::sync::Notify;

use crate::config::Bootstrap;
use crate::state::State;

/// Starts every job.
pub fn start(cx: &Context, state: &State, bootstrap: Option<Bootstrap>) {
    let (tasks, stop) = (&cx.tasks, &cx.shutdown);
    let job = |state: &State, stop: &Shutdown| (state.clone(), stop.clone());
    let args = job(state, stop);
    tasks.supervise("job.keep_watches", stop, move || keep_watches::run(args.0.clone(), args.1.clone()));
    let args = job(state, stop);
    tasks.supervise("job.end_grants", stop, move || end_grants::run(args.0.clone(), args.1.clone()));
    let args = job(state, stop);
    tasks.supervise("job.check_tokens", stop, move || check_tokens::run(args.0.clone(), args.1.clone()));
    let args = job(state, stop);
    tasks.supervise("job.clean_states", stop, move || clean_states::run(args.0.clone(), args.1.clone()));
    postrider_events::partitions::keep(tasks, stop, &state.db);
    if let Some(account) = bootstrap {
        tasks.spawn("bootstrap", bootstrap::run(state.clone(), stop.clone(), account));
    }
}

/// Waits for the next turn of a job; false once the service stops.
pub(crate) async fn next_turn(stop: &Shutdown, every: Duration, wake: Option<&Notify>) -> bool {
    let woken = async {
        match wake {
            Some(wake) => wake.notified().await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = stop.soft.cancelled() => false,
        () = tokio::time::sleep(every) => true,
        () = woken => true,
    }
}
