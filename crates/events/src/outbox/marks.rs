//! Marks published rows as sent, off the path of the next publish.

use std::time::Duration;

use chrono::NaiveDate;
use postrider_domain::EventId;
use postrider_storage::{Db, Error, sql};
use tokio::sync::mpsc;

/// Confirmed events wait this long for others, so that many share a mark; a crash before it only repeats a publish.
const GATHER: Duration = Duration::from_millis(50);
/// Wait after the database refused.
const AGAIN: Duration = Duration::from_secs(1);
/// Marks that may wait. What does not fit is published twice, which every consumer bears.
const CAPACITY: usize = 10_240;
/// Rows marked by one statement.
const BATCH: usize = 1_024;

/// Where the relay notes what the broker confirmed.
pub(super) struct Marks(mpsc::Sender<(NaiveDate, EventId)>);

/// Writes the marks.
pub(super) struct Marking {
    db: Db,
    confirmed: mpsc::Receiver<(NaiveDate, EventId)>,
}

impl Marks {
    pub(super) fn new(db: Db) -> (Self, Marking) {
        let (sender, confirmed) = mpsc::channel(CAPACITY);
        (Self(sender), Marking { db, confirmed })
    }

    /// Notes a confirmed event; never waits.
    pub(super) fn sent(&self, day: NaiveDate, id: EventId) {
        let _full = self.0.try_send((day, id));
    }
}

impl Marking {
    /// Works until the relay is gone, then marks what is left.
    pub(super) async fn run(mut self) {
        let mut sent = Vec::new();
        loop {
            if sent.is_empty() && self.confirmed.recv_many(&mut sent, BATCH).await == 0 {
                return;
            }
            // A closed channel has nothing to gather.
            if sent.len() < BATCH && !self.confirmed.is_closed() {
                tokio::time::sleep(GATHER).await;
            }
            while sent.len() < BATCH
                && let Ok(next) = self.confirmed.try_recv()
            {
                sent.push(next);
            }
            match mark(&self.db, &sent).await {
                Ok(()) => sent.clear(),
                Err(error) if self.confirmed.is_closed() => {
                    tracing::warn!(%error, events = sent.len(), "outbox: sent events cannot be marked; they go out again");
                    return;
                }
                Err(error) => {
                    tracing::warn!(%error, events = sent.len(), "outbox: cannot mark sent events yet");
                    tokio::time::sleep(AGAIN).await;
                }
            }
        }
    }
}

/// A mark that a crash of the server loses is only a repeated publish: its commit does not wait for the disk.
async fn mark(db: &Db, sent: &[(NaiveDate, EventId)]) -> Result<(), Error> {
    let tx = db.system_unflushed().await?;
    sql("UPDATE outbox SET sent_at = clock_timestamp() FROM {done: day date, id uuid} \
         WHERE outbox.day = done.day AND outbox.id = done.id")
    .column("day", sent.iter().map(|(day, _)| *day))
    .column("id", sent.iter().map(|(_, id)| *id))
    .execute(&tx)
    .await?;
    tx.commit().await
}
