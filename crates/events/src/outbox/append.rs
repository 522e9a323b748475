//! Writing events in the transaction of the state they report.

use std::collections::HashMap;

use chrono::NaiveDate;
use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Bytea, Date, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use postrider_contracts::{NewEvent, Position};
use uuid::Uuid;

use super::hand_over::HandOver;
use super::rows::StoredEvent;
use postrider_storage::error::Error;
use postrider_storage::statement::sql;
use postrider_storage::tx::Tx;

/// Appends events in the given order, in one statement. Each stream's head row is locked until the commit, so that
/// sequence numbers are dense and their order is the order of commits. The relay hears of them once the transaction is
/// durable.
pub async fn append(tx: &mut Tx, events: Vec<NewEvent>) -> Result<(), Error> {
    if events.is_empty() {
        return Ok(());
    }
    let mut columns = Columns::default();
    for event in &events {
        columns.push(event);
    }
    let mut places: HashMap<Uuid, Place> =
        columns.insert(tx).await?.into_iter().map(|place| (place.id, place)).collect();
    let mut stored = Vec::with_capacity(events.len());
    for NewEvent { mut envelope, stream } in events {
        let Some(Place { day, seq, .. }) = places.remove(&envelope.id.0) else {
            return Err(Error::Other(format!("event {} of stream {stream} has no place", envelope.id)));
        };
        envelope.position = Some(Position { stream, seq });
        stored.push(StoredEvent { day, attempts: 0, envelope });
    }
    if let Some(relay) = tx.db().attached::<HandOver>() {
        tx.on_commit(move || relay.offer(stored));
    }
    Ok(())
}

/// One array for each column: the whole batch is one statement.
#[derive(Default)]
struct Columns {
    ids: Vec<Uuid>,
    types: Vec<String>,
    sources: Vec<String>,
    times: Vec<postrider_domain::Timestamp>,
    traces: Vec<Option<String>>,
    tenants: Vec<Option<String>>,
    users: Vec<Option<String>>,
    connectors: Vec<Option<Uuid>>,
    streams: Vec<String>,
    payloads: Vec<Vec<u8>>,
}

/// Where an event went.
#[derive(QueryableByName)]
struct Place {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Date)]
    day: NaiveDate,
    #[diesel(sql_type = BigInt)]
    seq: i64,
}

impl Columns {
    fn push(&mut self, event: &NewEvent) {
        let envelope = &event.envelope;
        self.ids.push(envelope.id.0);
        self.types.push(envelope.event_type.clone());
        self.sources.push(envelope.source.clone());
        self.times.push(envelope.time);
        self.traces.push(envelope.trace.map(|trace| trace.to_string()));
        self.tenants.push(envelope.tenant.as_ref().map(ToString::to_string));
        self.users.push(envelope.user.as_ref().map(ToString::to_string));
        self.connectors.push(envelope.connector.map(|id| id.0));
        self.streams.push(event.stream.clone());
        self.payloads.push(envelope.payload.to_vec());
    }

    /// Streams are taken in one order everywhere: two transactions that append to the same two cannot deadlock. The day
    /// is fixed once for the batch, so that midnight cannot split it between two partitions.
    async fn insert(self, tx: &mut Tx) -> Result<Vec<Place>, Error> {
        sql("WITH new AS MATERIALIZED ( \
                 SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) WITH ORDINALITY AS event (id, event_type, \
                     source, event_time, traceparent, tenant, user_id, connector_id, stream, payload, place)), \
             added AS (SELECT stream, count(*) AS events, min(tenant) AS tenant FROM new GROUP BY stream), \
             heads AS ( \
                 INSERT INTO streams (stream, head, tenant) SELECT stream, events, tenant FROM added ORDER BY stream \
                 ON CONFLICT (stream) DO UPDATE SET \
                     head = streams.head + excluded.head, updated_at = clock_timestamp() \
                 RETURNING stream, head) \
             INSERT INTO outbox (day, id, event_type, source, event_time, traceparent, tenant, user_id, connector_id, \
                 stream, seq, payload) \
             SELECT (now() AT TIME ZONE 'utc')::date, id, event_type, source, event_time, traceparent, new.tenant, \
                 user_id, connector_id, stream, \
                 head - events + row_number() OVER (PARTITION BY stream ORDER BY place), payload \
             FROM new JOIN added USING (stream) JOIN heads USING (stream) \
             RETURNING id, day, seq")
        .bind_as::<Array<SqlUuid>, _>(self.ids)
        .bind_as::<Array<Text>, _>(self.types)
        .bind_as::<Array<Text>, _>(self.sources)
        .bind_as::<Array<Timestamptz>, _>(self.times)
        .bind_as::<Array<Nullable<Text>>, _>(self.traces)
        .bind_as::<Array<Nullable<Text>>, _>(self.tenants)
        .bind_as::<Array<Nullable<Text>>, _>(self.users)
        .bind_as::<Array<Nullable<SqlUuid>>, _>(self.connectors)
        .bind_as::<Array<Text>, _>(self.streams)
        .bind_as::<Array<Bytea>, _>(self.payloads)
        .load(tx)
        .await
    }
}
