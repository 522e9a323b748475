//! The consumer's memory of how far it knows each stream without a gap.

use std::collections::HashMap;

use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Text};

use postrider_storage::error::Error;
use postrider_storage::statement::sql;
use postrider_storage::tx::Tx;

#[derive(QueryableByName)]
struct HeadRow {
    #[diesel(sql_type = Text)]
    stream: String,
    #[diesel(sql_type = BigInt)]
    head: i64,
}

/// Reads heads without locking them; absent = 0.
pub(super) async fn read(tx: &Tx, consumer: &str, streams: &[String]) -> Result<HashMap<String, i64>, Error> {
    let rows = sql("SELECT stream, head FROM stream_heads WHERE consumer = $1 AND stream = ANY($2)")
        .bind_as::<Text, _>(consumer)
        .bind_as::<Array<Text>, _>(streams)
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
    sql("INSERT INTO stream_heads (consumer, stream) SELECT $1, stream FROM unnest($2) AS new (stream) \
         ON CONFLICT DO NOTHING")
    .bind_as::<Text, _>(consumer)
    .bind_as::<Array<Text>, _>(streams)
    .execute(tx)
    .await?;
    lock_known(tx, consumer, streams).await
}

async fn lock_known(tx: &Tx, consumer: &str, streams: &[String]) -> Result<HashMap<String, i64>, Error> {
    let rows = sql("SELECT stream, head FROM stream_heads WHERE consumer = $1 AND stream = ANY($2) \
         ORDER BY stream FOR UPDATE")
    .bind_as::<Text, _>(consumer)
    .bind_as::<Array<Text>, _>(streams)
    .load::<HeadRow>(tx)
    .await?;
    Ok(rows.into_iter().map(|row| (row.stream, row.head)).collect())
}

/// Moves heads forward.
pub(super) async fn advance(tx: &Tx, consumer: &str, heads: &HashMap<String, i64>) -> Result<(), Error> {
    let (streams, values): (Vec<&str>, Vec<i64>) = heads.iter().map(|(stream, head)| (stream.as_str(), *head)).unzip();
    sql("UPDATE stream_heads SET head = new.head, updated_at = clock_timestamp() \
         FROM unnest($2, $3) AS new (stream, head) \
         WHERE consumer = $1 AND stream_heads.stream = new.stream AND stream_heads.head < new.head")
    .bind_as::<Text, _>(consumer)
    .bind_as::<Array<Text>, _>(streams)
    .bind_as::<Array<BigInt>, _>(values)
    .execute(tx)
    .await?;
    Ok(())
}
