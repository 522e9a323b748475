//! The inbox: an event takes effect once for each consumer, claimed in the transaction of the effect.

use std::collections::HashSet;

use chrono::{DateTime, NaiveDate};
use diesel::QueryableByName;
use diesel::sql_types::{Array, Date, Text, Uuid as SqlUuid};
use postrider_domain::EventId;
use uuid::Uuid;

use postrider_storage::error::Error;
use postrider_storage::statement::sql;
use postrider_storage::tx::Tx;

#[derive(QueryableByName)]
struct Claimed {
    #[diesel(sql_type = SqlUuid)]
    event_id: Uuid,
}

/// Claims events for a consumer; answers those that had not taken effect before. The claim lives and dies with the
/// transaction. Ids are claimed in one order everywhere, so that two batches cannot deadlock.
pub async fn claim(tx: &Tx, consumer: &str, events: &[EventId]) -> Result<HashSet<EventId>, Error> {
    let mut keys: Vec<(NaiveDate, Uuid)> = events.iter().map(|id| (day_of(id.0), id.0)).collect();
    keys.sort_unstable();
    keys.dedup();
    let (days, ids): (Vec<NaiveDate>, Vec<Uuid>) = keys.into_iter().unzip();
    let claimed = sql("INSERT INTO inbox (day, consumer, event_id) \
         SELECT day, $1, event_id FROM unnest($2, $3) AS new (day, event_id) \
         ON CONFLICT DO NOTHING RETURNING event_id")
    .bind_as::<Text, _>(consumer)
    .bind_as::<Array<Date>, _>(days)
    .bind_as::<Array<SqlUuid>, _>(ids)
    .load::<Claimed>(tx)
    .await?;
    Ok(claimed.into_iter().map(|row| EventId(row.event_id)).collect())
}

/// Takes a claim back: the event was dead-lettered and may be replayed later.
pub async fn release(tx: &Tx, consumer: &str, event: EventId) -> Result<(), Error> {
    sql("DELETE FROM inbox WHERE day = $1 AND consumer = $2 AND event_id = $3")
        .bind_as::<Date, _>(day_of(event.0))
        .bind_as::<Text, _>(consumer)
        .bind_as::<SqlUuid, _>(event.0)
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
