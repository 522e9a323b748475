//! Forgets the request budgets of those who have not come for a while.

use std::sync::Arc;
use std::time::Duration;

use postrider_runtime::Shutdown;

use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::observe;

/// A budget is full again after a minute; nothing is lost by forgetting it then.
const EVERY: Duration = Duration::from_secs(60);

/// Runs until the soft stop.
pub async fn forget_budgets(limits: Arc<Limits>, metrics: Metrics, shutdown: Shutdown) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = shutdown.soft.cancelled() => return,
        }
        limits.forget_idle();
        observe::budgets_kept(&metrics, limits.remembered());
    }
}
