//! Timed work. Every job is safe with many replicas.

pub mod audit;
pub mod clean_up;
pub mod clear_listings;
pub mod due_scan;
pub mod erase;
pub mod fold_pushes;
pub mod keep_attachments;
pub mod keep_sources;
pub mod measure;
pub mod objects;
pub mod reread;
pub mod retain;
mod turn;

use chrono::TimeDelta;
use postrider_blobs::Objects;
use postrider_runtime::{Context, Schedule};

use crate::kept::Vault;
use crate::state::State;

/// Starts every job. Deleted mails are kept for `keep_deleted`, attachments and large sources in `objects` where there is such
/// a store.
pub fn start(cx: &Context, state: &State, keep_deleted: TimeDelta, objects: Option<Objects>) {
    let (tasks, shutdown) = (&cx.tasks, &cx.shutdown);
    due_scan::start(tasks, shutdown, &state.engine);
    postrider_events::partitions::keep(tasks, shutdown, &state.db);
    let leftovers = (state.clone(), shutdown.soft.clone());
    tasks.every("job.clear_listings", clear_listings::EVERY, shutdown, move || {
        let (state, stop) = leftovers.clone();
        async move { clear_listings::run(&state, &stop).await }
    });
    let erase = (state.clone(), shutdown.soft.clone());
    let schedule = Schedule::every(erase::EVERY).woken_by(state.engine.wakes().erase());
    tasks.every("job.erase", schedule, shutdown, move || {
        let (state, stop) = erase.clone();
        async move { erase::run(&state, &stop).await }
    });
    let reread = (state.clone(), Vault::new(state.db.clone(), objects.clone()), shutdown.soft.clone());
    tasks.every("job.reread", reread::EVERY, shutdown, move || {
        let (state, vault, stop) = reread.clone();
        async move { reread::run(&state, &vault, &stop).await }
    });
    if let Some(objects) = objects.clone() {
        let keep = (state.clone(), objects, shutdown.soft.clone());
        tasks.every("job.keep_sources", keep_sources::EVERY, shutdown, move || {
            let (state, objects, stop) = keep.clone();
            async move { keep_sources::run(&state, &objects, &stop).await }
        });
    }
    let audit = (state.clone(), shutdown.soft.clone());
    tasks.every("job.audit", audit::EVERY, shutdown, move || {
        let (state, stop) = audit.clone();
        async move { audit::run(&state, &stop).await }
    });
    let fold = (state.clone(), shutdown.soft.clone());
    tasks.every("job.fold_pushes", fold_pushes::EVERY, shutdown, move || {
        let (state, stop) = fold.clone();
        async move { fold_pushes::run(&state, &stop).await }
    });
    let measured = state.clone();
    tasks.every("job.measure", measure::EVERY, shutdown, move || {
        let state = measured.clone();
        async move { measure::run(&state).await }
    });
    let keep = (state.clone(), objects, shutdown.soft.clone());
    tasks.every("job.keep_attachments", keep_attachments::EVERY, shutdown, move || {
        let (state, objects, stop) = keep.clone();
        async move { keep_attachments::run(&state, objects.as_ref(), &stop).await }
    });
    let retain = (state.clone(), shutdown.soft.clone());
    tasks.every("job.retain", retain::EVERY, shutdown, move || {
        let (state, stop) = retain.clone();
        async move { retain::run(&state, keep_deleted, &stop).await }
    });
    let clean_up = (state.clone(), shutdown.soft.clone());
    tasks.every("job.clean_up", clean_up::EVERY, shutdown, move || {
        let (state, stop) = clean_up.clone();
        async move { clean_up::run(&state, &stop).await }
    });
}
