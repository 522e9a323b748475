//! The inbox: an event takes effect once for each consumer, claimed in the transaction of the effect.

use std::collections::HashSet;

use chrono::{DateTime, NaiveDate};
use postrider_domain::EventId;
use postrider_storage::{Error, Tx, Value, sql};
use uuid::Uuid;

/// Claims events for a consumer; returns those that had not taken effect before. The claim lives and dies with the
/// transaction. Ids are claimed in one order everywhere, so that two batches cannot deadlock.
pub async fn claim(tx: &Tx, consumer: &str, events: &[EventId]) -> Result<HashSet<EventId>, Error> {
    let mut keys: Vec<(NaiveDate, EventId)> = events.iter().map(|id| (day_of(id.0), *id)).collect();
    keys.sort_unstable();
    keys.dedup();
    let claimed = sql("INSERT INTO inbox (day, consumer, event_id) \
         SELECT day, $1, event_id FROM {new: day date, event_id uuid} \
         ON CONFLICT DO NOTHING RETURNING event_id AS value")
    .bind(consumer)
    .column("day", keys.iter().map(|(day, _)| *day))
    .column("event_id", keys.iter().map(|(_, id)| *id))
    .load::<Value<EventId>>(tx)
    .await?;
    Ok(claimed.into_iter().map(|Value(id)| id).collect())
}

/// Takes a claim back: the event was dead-lettered and may be replayed later.
pub async fn release(tx: &Tx, consumer: &str, event: EventId) -> Result<(), Error> {
    sql("DELETE FROM inbox WHERE day = $1 AND consumer = $2 AND event_id = $3")
        .binds((day_of(event.0), consumer, event))
        .execute(tx)
        .await?;
    Ok(())
}

/// The day inside a UUIDv7: the partition of its claim.
pub(crate) fn day_of(id: Uuid) -> NaiveDate {
    let millis = i64::try_from(id.as_u128() >> 80).unwrap_or(0);
    DateTime::from_timestamp_millis(millis).unwrap_or_default().date_naive()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_comes_from_the_id() {
        let id = uuid::Builder::from_unix_timestamp_millis(1_767_225_600_000, &[7; 10]).into_uuid();
        assert_eq!(day_of(id), NaiveDate::from_ymd_opt(2026, 1, 1).unwrap());
    }
}
