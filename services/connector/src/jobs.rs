//! Timed work. Every job is safe with many replicas: what is due is claimed by row, on database time.

pub mod adopt_topic;
pub mod bootstrap;
pub mod check_tokens;
pub mod clean_states;
pub mod end_grants;
pub mod forget_accounts;
pub mod keep_watches;
pub mod measure_watches;

use std::future::Future;

use postrider_runtime::{Context, Schedule};

use crate::config::Bootstrap;
use crate::error::Error;
use crate::state::State;

/// Starts every job.
pub fn start(cx: &Context, state: &State, bootstrap: Option<Bootstrap>) {
    let watches = Schedule::every(keep_watches::EVERY).woken_by(state.wake.watches.clone());
    let endings = Schedule::every(end_grants::EVERY).woken_by(state.wake.endings.clone());
    every(cx, state, "job.keep_watches", watches, |state| async move { keep_watches::turn(&state).await });
    every(cx, state, "job.measure_watches", measure_watches::EVERY, |state| async move {
        measure_watches::turn(&state).await
    });
    every(cx, state, "job.end_grants", endings, |state| async move { end_grants::turn(&state).await });
    every(cx, state, "job.check_tokens", check_tokens::EVERY, |state| async move { check_tokens::turn(&state).await });
    every(cx, state, "job.clean_states", clean_states::EVERY, |state| async move { clean_states::turn(&state).await });
    every(cx, state, "job.forget_accounts", forget_accounts::EVERY, |state| async move {
        forget_accounts::turn(&state).await
    });
    every(cx, state, "job.adopt_topic", adopt_topic::EVERY, |state| async move { adopt_topic::turn(&state).await });
    postrider_events::partitions::keep(&cx.tasks, &cx.shutdown, &state.db);
    if let Some(account) = bootstrap {
        cx.tasks.spawn("job.bootstrap", bootstrap::run(state.clone(), cx.shutdown.clone(), account));
    }
}

/// Runs a job's turns; how much each did is for tests.
fn every<F, Fut>(cx: &Context, state: &State, name: &'static str, schedule: impl Into<Schedule>, turn: F)
where
    F: Fn(State) -> Fut + Send + 'static,
    Fut: Future<Output = Result<usize, Error>> + Send + 'static,
{
    let state = state.clone();
    cx.tasks.every(name, schedule, &cx.shutdown, move || {
        let turn = turn(state.clone());
        async move { turn.await.map(|_count| ()) }
    });
}
