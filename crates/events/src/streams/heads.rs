//! The consumer's memory of how far it knows each stream without a gap.

use std::collections::HashMap;

use postrider_storage::{Error, Tx, sql};

postrider_storage::row! {
    struct HeadRow {
        stream: String,
        head: i64,
    }
}

/// Reads heads without locking them; absent = 0.
pub(super) async fn read(tx: &Tx, consumer: &str, streams: &[String]) -> Result<HashMap<String, i64>, Error> {
    let rows = sql("SELECT stream, head FROM stream_heads WHERE consumer = $1 AND stream = ANY($2)")
        .binds((consumer, streams))
        .load::<HeadRow>(tx)
        .await?;
    Ok(rows.into_iter().map(|row| (row.stream, row.head)).collect())
}

/// Locks the heads of the given streams (sorted, so that two batches cannot deadlock) and reads them.
pub(super) async fn lock(tx: &Tx, consumer: &str, streams: &[String]) -> Result<HashMap<String, i64>, Error> {
    let known = lock_known(tx, consumer, streams).await?;
    if known.len() == streams.len() {
        return Ok(known);
    }
    sql("INSERT INTO stream_heads (consumer, stream) SELECT $1, stream FROM {new: stream text} \
         ON CONFLICT DO NOTHING")
    .bind(consumer)
    .column("stream", streams.iter().map(String::as_str))
    .execute(tx)
    .await?;
    lock_known(tx, consumer, streams).await
}

async fn lock_known(tx: &Tx, consumer: &str, streams: &[String]) -> Result<HashMap<String, i64>, Error> {
    let rows = sql("SELECT stream, head FROM stream_heads WHERE consumer = $1 AND stream = ANY($2) \
         ORDER BY stream FOR UPDATE")
    .binds((consumer, streams))
    .load::<HeadRow>(tx)
    .await?;
    Ok(rows.into_iter().map(|row| (row.stream, row.head)).collect())
}

/// Moves heads forward.
pub(super) async fn advance(tx: &Tx, consumer: &str, heads: &HashMap<String, i64>) -> Result<(), Error> {
    sql("UPDATE stream_heads SET head = new.head, updated_at = clock_timestamp() \
         FROM {new: stream text, head bigint} \
         WHERE consumer = $1 AND stream_heads.stream = new.stream AND stream_heads.head < new.head")
    .bind(consumer)
    .column("stream", heads.keys().map(String::as_str))
    .column("head", heads.values().copied())
    .execute(tx)
    .await?;
    Ok(())
}
