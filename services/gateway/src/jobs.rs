//! Timed work of this service.

mod forget;

use std::sync::Arc;
use std::time::Duration;

use postrider_runtime::Context;
use postrider_storage::Db;

use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::observe;

/// A budget is full again after a minute; nothing is lost by forgetting it then.
const FORGET_BUDGETS: Duration = Duration::from_secs(60);

/// Starts every job.
pub fn start(cx: &Context, db: &Db, limits: &Arc<Limits>, metrics: &Metrics) {
    let (limits, metrics) = (limits.clone(), metrics.clone());
    cx.tasks.every("job.forget_budgets", FORGET_BUDGETS, &cx.shutdown, move || {
        limits.forget_idle();
        observe::budgets_kept(&metrics, limits.remembered());
        std::future::ready(())
    });
    let (db, clock) = (db.clone(), cx.seams.clock.clone());
    cx.tasks.every("job.forget_old", forget::EVERY, &cx.shutdown, move || {
        let (db, now) = (db.clone(), clock.now());
        async move { forget::turn(&db, now).await.map(|_count| ()) }
    });
}

pub use forget::turn as forget_old;
