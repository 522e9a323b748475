//! Writing events in the transaction of the state they report.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use contracts::{NewEvent, Position};
use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Bytea, Date, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use uuid::Uuid;

use super::rows::StoredEvent;
use crate::error::Error;
use crate::statement::sql;
use crate::tx::Tx;

/// Appends events in the given order. Each stream's head row is locked until the commit, so that sequence numbers are
/// dense and their order is the order of commits. The relay hears of them once the transaction is durable.
pub async fn append(tx: &mut Tx, events: Vec<NewEvent>) -> Result<(), Error> {
    if events.is_empty() {
        return Ok(());
    }
    // Streams in one order everywhere: two transactions that append to the same two streams cannot deadlock.
    let mut counts: BTreeMap<&str, (i64, Option<&str>)> = BTreeMap::new();
    for event in &events {
        let tenant = event.envelope.tenant.as_ref().map(domain::TenantId::as_str);
        counts.entry(event.stream.as_str()).or_insert((0, tenant)).0 += 1;
    }
    let mut next = reserve(tx, &counts).await?;
    let mut columns = Columns::default();
    let mut stored = Vec::with_capacity(events.len());
    for event in events {
        let mut envelope = event.envelope;
        let Some(seq) = next.get_mut(&event.stream) else {
            return Err(Error::Other(format!("stream {} has no head", event.stream)));
        };
        envelope.position = Some(Position { stream: event.stream, seq: *seq });
        *seq += 1;
        columns.push(&envelope);
        stored.push(envelope);
    }
    let days = columns.insert(tx).await?;
    let today = days.first().map(|row| row.day).unwrap_or_default();
    tx.remember(stored.into_iter().map(|envelope| StoredEvent { day: today, attempts: 0, envelope }));
    Ok(())
}

#[derive(QueryableByName)]
struct Head {
    #[diesel(sql_type = Text)]
    stream: String,
    #[diesel(sql_type = BigInt)]
    head: i64,
}

/// Raises the heads; answers the first new number of each stream.
async fn reserve(tx: &mut Tx, counts: &BTreeMap<&str, (i64, Option<&str>)>) -> Result<BTreeMap<String, i64>, Error> {
    let streams: Vec<&str> = counts.keys().copied().collect();
    let (added, tenants): (Vec<i64>, Vec<Option<&str>>) = counts.values().copied().unzip();
    let heads = sql("INSERT INTO streams (stream, head, tenant) \
         SELECT * FROM unnest($1, $2, $3) AS new (stream, added, tenant) \
         ON CONFLICT (stream) DO UPDATE SET head = streams.head + excluded.head, updated_at = clock_timestamp() \
         RETURNING stream, head")
    .bind::<Array<Text>, _>(streams)
    .bind::<Array<BigInt>, _>(added)
    .bind::<Array<Nullable<Text>>, _>(tenants)
    .load::<Head>(tx)
    .await?;
    Ok(heads
        .into_iter()
        .map(|row| {
            let count = counts.get(row.stream.as_str()).map_or(0, |(count, _)| *count);
            let first = row.head - count + 1;
            (row.stream, first)
        })
        .collect())
}

/// One array for each column: the whole batch is one statement.
#[derive(Default)]
struct Columns {
    ids: Vec<Uuid>,
    types: Vec<String>,
    sources: Vec<String>,
    times: Vec<domain::Timestamp>,
    traces: Vec<Option<String>>,
    tenants: Vec<Option<String>>,
    users: Vec<Option<String>>,
    connectors: Vec<Option<Uuid>>,
    streams: Vec<String>,
    seqs: Vec<i64>,
    payloads: Vec<Vec<u8>>,
}

#[derive(QueryableByName)]
struct Day {
    #[diesel(sql_type = Date)]
    day: NaiveDate,
}

impl Columns {
    fn push(&mut self, envelope: &contracts::Envelope) {
        self.ids.push(envelope.id.0);
        self.types.push(envelope.event_type.clone());
        self.sources.push(envelope.source.clone());
        self.times.push(envelope.time);
        self.traces.push(envelope.trace.map(|trace| trace.to_string()));
        self.tenants.push(envelope.tenant.as_ref().map(ToString::to_string));
        self.users.push(envelope.user.as_ref().map(ToString::to_string));
        self.connectors.push(envelope.connector.map(|id| id.0));
        if let Some(position) = &envelope.position {
            self.streams.push(position.stream.clone());
            self.seqs.push(position.seq);
        }
        self.payloads.push(envelope.payload.to_vec());
    }

    async fn insert(self, tx: &mut Tx) -> Result<Vec<Day>, Error> {
        // The day is fixed once for the batch, so that midnight cannot split it between two partitions.
        sql("INSERT INTO outbox (day, id, event_type, source, event_time, traceparent, tenant, user_id, connector_id, \
                 stream, seq, payload) \
             SELECT (now() AT TIME ZONE 'utc')::date, new.* \
             FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) AS new \
             RETURNING day")
        .bind::<Array<SqlUuid>, _>(self.ids)
        .bind::<Array<Text>, _>(self.types)
        .bind::<Array<Text>, _>(self.sources)
        .bind::<Array<Timestamptz>, _>(self.times)
        .bind::<Array<Nullable<Text>>, _>(self.traces)
        .bind::<Array<Nullable<Text>>, _>(self.tenants)
        .bind::<Array<Nullable<Text>>, _>(self.users)
        .bind::<Array<Nullable<SqlUuid>>, _>(self.connectors)
        .bind::<Array<Text>, _>(self.streams)
        .bind::<Array<BigInt>, _>(self.seqs)
        .bind::<Array<Bytea>, _>(self.payloads)
        .load(tx)
        .await
    }
}
