//! Timed jobs.

pub mod check_channels;

use postrider_runtime::Context;

use crate::state::State;

/// Starts the jobs of a service that opens channels.
pub fn start(cx: &Context, state: &State) {
    let state = state.clone();
    if state.channels.is_none() {
        return;
    }
    cx.tasks.every("job.check_channels", check_channels::EVERY, &cx.shutdown, move || {
        let state = state.clone();
        async move { check_channels::turn(&state).await.map(|_count| ()) }
    });
}
