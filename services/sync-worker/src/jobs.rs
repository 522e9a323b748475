//! Timed work. Every job is safe with many replicas.

pub mod clean_up;
pub mod due_scan;
pub mod note_calls;

use std::sync::Arc;

use postrider_gmail::GmailTransport;
use postrider_runtime::Context;

use crate::http::gmail::recent::RecentCalls;
use crate::state::State;

/// Starts every job.
pub fn start(cx: &Context, state: &State, transport: &Arc<GmailTransport>, calls: &Arc<RecentCalls>) {
    let (tasks, stop) = (&cx.tasks, &cx.shutdown);
    due_scan::start(tasks, stop, &state.engine);
    postrider_events::partitions::keep(tasks, stop, &state.db);
    let args = (state.clone(), stop.clone());
    tasks.supervise("job.clean_up", stop, move || clean_up::run(args.0.clone(), args.1.clone()));
    let args = (transport.clone(), calls.clone(), stop.clone());
    tasks.supervise("job.note_calls", stop, move || note_calls::run(args.0.clone(), args.1.clone(), args.2.clone()));
}
