//! How all mailboxes together stand.

use postrider_domain::{ConnectorId, HistoryId, Timestamp};
use postrider_storage::{Error, SystemTx, row, sql};

row! {
    /// What waits.
    #[derive(Debug, Clone, Copy)]
    pub struct Waiting {
        /// Since when the mailbox that is longest due is so, with nobody at work on it.
        pub due_since: Option<Timestamp>,
        /// Pushes that are not in a mirror yet, of mailboxes that are followed.
        pub pushes: i64,
    }
}

/// What waits at `now`.
pub async fn waiting(tx: &SystemTx, now: Timestamp) -> Result<Waiting, Error> {
    sql("SELECT (SELECT greatest(due_at, not_before) FROM mailboxes \
              WHERE due_at IS NOT NULL AND status = 'active' AND greatest(due_at, not_before) <= $1 \
                AND (lease_until IS NULL OR lease_until < clock_timestamp()) \
              ORDER BY greatest(due_at, not_before) LIMIT 1) AS due_since, \
           (SELECT count(*) FROM notification_queue q \
              JOIN mailboxes m ON m.connector_id = q.connector_id AND m.status = 'active' AND m.monitored \
              WHERE q.status IN ('pending', 'processing')) AS pushes")
    .bind(now)
    .get_result(tx)
    .await
}

row! {
    /// How far the mirror of one mailbox has come.
    #[derive(Debug, Clone, Copy)]
    pub struct Cursor {
        pub connector: ConnectorId,
        pub cursor: HistoryId,
    }
}

/// Of every mailbox that is followed.
pub async fn cursors(tx: &SystemTx) -> Result<Vec<Cursor>, Error> {
    sql("SELECT connector_id AS connector, cursor FROM mailboxes WHERE status = 'active' AND cursor IS NOT NULL")
        .load(tx)
        .await
}
