//! Writing events in the transaction of the state they report.

use std::collections::HashMap;

use chrono::NaiveDate;
use postrider_contracts::{NewEvent, Position};
use postrider_domain::EventId;
use postrider_storage::{Error, Tx, sql};

use super::hand_over::HandOver;
use super::rows::StoredEvent;

/// Appends events in the given order, in one statement. Each stream's head row is locked until the commit, so that
/// sequence numbers are dense and their order is the order of commits. The relay hears of them once the transaction is
/// durable.
pub async fn append(tx: &mut Tx, events: Vec<NewEvent>) -> Result<(), Error> {
    if events.is_empty() {
        return Ok(());
    }
    let mut places: HashMap<EventId, Place> =
        insert(tx, &events).await?.into_iter().map(|place| (place.id, place)).collect();
    let mut stored = Vec::with_capacity(events.len());
    for NewEvent { mut envelope, stream } in events {
        let Some(Place { day, seq, .. }) = places.remove(&envelope.id) else {
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

postrider_storage::row! {
    /// Where an event went.
    struct Place {
        id: EventId,
        day: NaiveDate,
        seq: i64,
    }
}

/// Streams are taken in one order everywhere: two transactions that append to the same two cannot deadlock. The day is
/// fixed once for the batch, so that midnight cannot split it between two partitions.
async fn insert(tx: &Tx, events: &[NewEvent]) -> Result<Vec<Place>, Error> {
    sql("WITH new AS MATERIALIZED ( \
             SELECT * FROM {event: id uuid, event_type text, source text, event_time timestamptz, traceparent text, \
                 tenant text, user_id text, connector_id uuid, stream text, payload bytea, #place}), \
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
    .column("id", events.iter().map(|event| event.envelope.id))
    .column("event_type", events.iter().map(|event| event.envelope.event_type.as_str()))
    .column("source", events.iter().map(|event| event.envelope.source.as_str()))
    .column("event_time", events.iter().map(|event| event.envelope.time))
    .column("traceparent", events.iter().map(|event| event.envelope.trace.map(|trace| trace.to_string())))
    .column("tenant", events.iter().map(|event| event.envelope.tenant.as_ref()))
    .column("user_id", events.iter().map(|event| event.envelope.user.as_ref()))
    .column("connector_id", events.iter().map(|event| event.envelope.connector))
    .column("stream", events.iter().map(|event| event.stream.as_str()))
    .column("payload", events.iter().map(|event| &*event.envelope.payload))
    .load(tx)
    .await
}
