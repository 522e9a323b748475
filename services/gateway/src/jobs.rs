//! Timed work of this service.

use std::sync::Arc;
use std::time::Duration;

use postrider_runtime::Context;

use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::observe;

/// A budget is full again after a minute; nothing is lost by forgetting it then.
const FORGET_BUDGETS: Duration = Duration::from_secs(60);

/// Starts every job.
pub fn start(cx: &Context, limits: &Arc<Limits>, metrics: &Metrics) {
    let (limits, metrics) = (limits.clone(), metrics.clone());
    cx.tasks.every("job.forget_budgets", FORGET_BUDGETS, &cx.shutdown, move || {
        limits.forget_idle();
        observe::budgets_kept(&metrics, limits.remembered());
        std::future::ready(())
    });
}
