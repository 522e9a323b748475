//! How all mailboxes together stand.

use postrider_domain::Timestamp;
use postrider_storage::{Error, SystemTx, row, sql};

row! {
    /// What waits.
    #[derive(Debug, Clone, Copy)]
    pub struct Waiting {
        /// Since when the mailbox that is longest due is so, with nobody at work on it.
        pub due_since: Option<Timestamp>,
        /// Pushes that are not in a mirror yet.
        pub pushes: i64,
    }
}

/// What waits at `now`.
pub async fn waiting(tx: &SystemTx, now: Timestamp) -> Result<Waiting, Error> {
    sql("SELECT (SELECT greatest(due_at, not_before) FROM mailboxes \
              WHERE due_at IS NOT NULL AND status = 'active' AND greatest(due_at, not_before) <= $1 \
                AND (lease_until IS NULL OR lease_until < clock_timestamp()) \
              ORDER BY greatest(due_at, not_before) LIMIT 1) AS due_since, \
           (SELECT count(*) FROM notification_queue WHERE status IN ('pending', 'processing')) AS pushes")
    .bind(now)
    .get_result(tx)
    .await
}
