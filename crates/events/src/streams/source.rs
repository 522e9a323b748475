//! The producer's side: reading events back out of the outbox.

use async_trait::async_trait;
use postrider_contracts::Envelope;
use postrider_domain::Timestamp;
use postrider_storage::{Db, Error, sql};
use serde::{Deserialize, Serialize};

use crate::outbox::StoredEvent;
use crate::outbox::rows::{OutboxRow, outbox_columns};

postrider_storage::row! {
    /// How far a stream has come.
    #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
    pub struct StreamHead {
        pub stream: String,
        pub head: i64,
        pub updated_at: Timestamp,
    }
}

/// Why a producer could not be asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the producer cannot be asked: {0}")]
pub struct PullError(pub String);

/// A producer's events, as its consumers reach them (over HTTP, or directly in tests).
#[async_trait]
pub trait EventSource: Send + Sync + 'static {
    /// Events of a stream with `seq > after`, in order, at most `limit`.
    async fn events(&self, stream: &str, after: i64, limit: usize) -> Result<Vec<Envelope>, PullError>;

    /// Streams that grew at or after the given instant, oldest change first, at most `limit`.
    async fn changed_since(&self, since: Timestamp, limit: usize) -> Result<Vec<StreamHead>, PullError>;
}

/// Reads a stream from the outbox.
pub async fn read_events(db: &Db, stream: &str, after: i64, limit: usize) -> Result<Vec<Envelope>, Error> {
    let tx = db.system().await?;
    let rows =
        sql(concat!("SELECT ", outbox_columns!(), " FROM outbox WHERE stream = $1 AND seq > $2 ORDER BY seq LIMIT $3"))
            .binds((stream, after, i64::try_from(limit).unwrap_or(i64::MAX)))
            .load::<OutboxRow>(&tx)
            .await?;
    tx.commit().await?;
    Ok(rows.into_iter().map(|row| StoredEvent::from(row).envelope).collect())
}

/// Lists streams that grew.
pub async fn changed_since(db: &Db, since: Timestamp, limit: usize) -> Result<Vec<StreamHead>, Error> {
    let tx = db.system().await?;
    let heads = sql("SELECT stream, head, updated_at FROM streams WHERE updated_at >= $1 ORDER BY updated_at LIMIT $2")
        .binds((since, i64::try_from(limit).unwrap_or(i64::MAX)))
        .load::<StreamHead>(&tx)
        .await?;
    tx.commit().await?;
    Ok(heads)
}

/// A database in the same process is a source too.
#[async_trait]
impl EventSource for Db {
    async fn events(&self, stream: &str, after: i64, limit: usize) -> Result<Vec<Envelope>, PullError> {
        read_events(self, stream, after, limit).await.map_err(|error| PullError(error.to_string()))
    }

    async fn changed_since(&self, since: Timestamp, limit: usize) -> Result<Vec<StreamHead>, PullError> {
        changed_since(self, since, limit).await.map_err(|error| PullError(error.to_string()))
    }
}
