//! Whether this machine's clock may be trusted. When a record counts as settled is measured by it: on one that runs ahead,
//! records that Gmail still hides would be passed.

use std::time::Duration;

use chrono::TimeDelta;
use parking_lot::Mutex;
use postrider_storage::{Error, SystemTx};
use tokio::time::Instant;

use super::Parts;
use crate::store::clock;

/// Between two looks at Postgres's clock.
const EVERY: Duration = Duration::from_secs(30);

/// What the last look showed.
#[derive(Debug, Default)]
pub struct ClockCheck(Mutex<Option<(Instant, bool)>>);

impl ClockCheck {
    /// Looks again where the last look is too old.
    pub async fn is_right(&self, tx: &SystemTx, parts: &Parts) -> Result<bool, Error> {
        let Some(tolerance) = parts.settings.clock_tolerance else { return Ok(true) };
        let before = *self.0.lock();
        if let Some((_, right)) = before.filter(|(at, _)| at.elapsed() < EVERY) {
            return Ok(right);
        }
        let began = parts.now();
        let theirs = clock::now(tx).await?;
        let off = began + (parts.now() - began) / 2 - theirs;
        let right = off.abs() <= TimeDelta::from_std(tolerance).unwrap_or(TimeDelta::MAX);
        parts.metrics.clock_off.set(off.num_seconds());
        *self.0.lock() = Some((Instant::now(), right));
        if !right {
            let seconds = off.num_seconds();
            tracing::error!(
                seconds,
                "this machine's clock is not Postgres's: no mailbox is taken until it is right (NTP)"
            );
        } else if before.is_some_and(|(_, was)| !was) {
            tracing::info!("the clock is right again");
        }
        Ok(right)
    }
}
