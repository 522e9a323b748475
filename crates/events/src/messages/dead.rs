//! What an operator asks of the queues: their dead letters, and whether they stand still.

use std::time::Duration;

use postrider_broker::dead_letters::DeadLetter;
use postrider_contracts::Queue;
use postrider_domain::{EventId, Timestamp};
use postrider_storage::{Error, sql};

use super::{Messages, millis};

postrider_storage::row! {
    /// A dead letter, without its content.
    struct DeadRow {
        event_id: EventId,
        event_type: String,
        tenant: Option<String>,
        stream: Option<String>,
        seq: Option<i64>,
        attempt: i32,
        reason: String,
        died_at: Timestamp,
        bytes: i64,
    }
}

postrider_storage::row! {
    /// What lies in a queue.
    struct DepthRow {
        dead: i64,
        overdue: i64,
    }
}

/// What lies in a queue that should be empty.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Depth {
    pub dead: u64,
    pub overdue: u64,
}

impl Messages {
    /// The oldest dead letters of a queue. They stay where they are.
    ///
    /// # Errors
    /// The database does not answer, or none of these services has the queue.
    pub async fn dead(&self, queue: &Queue, limit: u32) -> Result<Vec<DeadLetter>, Error> {
        let tx = self.of(queue)?.system().await?;
        let rows: Vec<DeadRow> = sql("SELECT event_id, event_type, tenant, stream, seq, attempt, reason, died_at, \
                 octet_length(payload)::bigint AS bytes \
             FROM messages WHERE queue = $1 AND died_at IS NOT NULL ORDER BY id LIMIT $2")
        .binds((queue.name, i64::from(limit)))
        .load(&tx)
        .await?;
        tx.commit().await?;
        Ok(rows.into_iter().map(letter).collect())
    }

    /// Puts the oldest dead letters of a queue back, attempts counted from 1 again, and says how many. The running
    /// process finds them within seconds.
    ///
    /// # Errors
    /// As [`Self::dead`].
    pub async fn replay(&self, queue: &Queue, limit: u32) -> Result<usize, Error> {
        let tx = self.of(queue)?.system().await?;
        let count =
            sql("UPDATE messages SET died_at = NULL, reason = NULL, attempt = 1, deliveries = 0, due_at = now() \
             WHERE id = ANY (ARRAY( \
                 SELECT id FROM messages WHERE queue = $1 AND died_at IS NOT NULL ORDER BY id LIMIT $2))")
            .binds((queue.name, i64::from(limit)))
            .execute(&tx)
            .await?;
        tx.commit().await?;
        Ok(count)
    }

    /// How many messages of a queue are dead, and how many have been due for longer than `late`.
    ///
    /// # Errors
    /// As [`Self::dead`].
    pub async fn depth(&self, queue: &Queue, late: Duration) -> Result<Depth, Error> {
        let tx = self.of(queue)?.system().await?;
        let row: Option<DepthRow> = sql("SELECT \
             (SELECT count(*) FROM messages WHERE queue = $1 AND died_at IS NOT NULL) AS dead, \
             (SELECT count(*) FROM messages WHERE queue = $1 AND died_at IS NULL \
                 AND due_at < now() - $2 * interval '1 millisecond') AS overdue")
        .binds((queue.name, millis(late)))
        .optional(&tx)
        .await?;
        tx.commit().await?;
        let count = |rows: i64| u64::try_from(rows).unwrap_or_default();
        Ok(row.map_or_else(Depth::default, |row| Depth { dead: count(row.dead), overdue: count(row.overdue) }))
    }
}

fn letter(row: DeadRow) -> DeadLetter {
    DeadLetter {
        id: row.event_id.to_string(),
        event_type: row.event_type,
        tenant: row.tenant,
        position: row.stream.zip(row.seq).map(|(stream, seq)| format!("{stream} {seq}")),
        attempt: row.attempt.unsigned_abs(),
        reason: row.reason,
        died_at: Some(row.died_at.to_rfc3339()),
        bytes: usize::try_from(row.bytes).unwrap_or_default(),
    }
}
