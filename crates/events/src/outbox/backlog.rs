//! How much waits in the outbox, and since when: what an operator is alarmed by when the broker is away.

use std::time::Duration;

use postrider_runtime::telemetry::metrics;
use postrider_storage::{Db, Error, sql};
use prometheus::{IntGauge, Registry};
use tokio_util::sync::CancellationToken;

/// How often it is looked at.
const EVERY: Duration = Duration::from_secs(5);

/// Gauges of one service's outbox.
#[derive(Clone)]
pub(super) struct Backlog {
    db: Db,
    waiting: IntGauge,
    oldest: IntGauge,
}

postrider_storage::row! {
    struct Waiting {
        events: i64,
        /// Seconds.
        oldest: f64,
    }
}

impl Backlog {
    pub(super) fn new(db: Db, registry: &Registry) -> Self {
        Self {
            db,
            waiting: metrics::gauge(
                registry,
                "postrider_outbox_waiting_events",
                "Events that are committed and not known to be published, counted to 100,000",
            ),
            oldest: metrics::gauge(
                registry,
                "postrider_outbox_oldest_seconds",
                "Age of the oldest event that is committed and not known to be published",
            ),
        }
    }

    /// Looks until `stop`, whatever state the broker is in.
    pub(super) async fn watch(self, stop: CancellationToken) {
        loop {
            match count(&self.db).await {
                Ok(Waiting { events, oldest }) => {
                    self.waiting.set(events);
                    self.oldest.set(oldest as i64);
                }
                Err(error) => tracing::debug!(%error, "outbox: cannot count what waits"),
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(EVERY) => {}
            }
        }
    }
}

/// Bounded, so that counting a great backlog does not add to it.
async fn count(db: &Db) -> Result<Waiting, Error> {
    let tx = db.system().await?;
    let waiting = sql("SELECT count(*) AS events, \
               coalesce(extract(epoch FROM clock_timestamp() - min(created_at)), 0)::double precision AS oldest \
         FROM (SELECT created_at FROM outbox WHERE sent_at IS NULL ORDER BY available_at LIMIT 100000) AS waiting")
    .get_result::<Waiting>(&tx)
    .await?;
    tx.commit().await?;
    Ok(waiting)
}
