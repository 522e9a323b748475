//! Ids a run's listing found. Small rows, many of them; removed when the run has ended.

use domain::MessageId;
use storage::types::{Array, BigInt, Bool, Integer, Nullable, SmallInt, Text, Uuid as SqlUuid};
use storage::{Error, QueryableByName, Tx, sql};

use super::runs::Run;

/// Where a listed id stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// It is in the mirror, as new as the run needs it.
    Done = 1,
    /// It was parked.
    Parked = 2,
    /// Its body was left out by `max_results`.
    LeftOut = 3,
}

/// Adds a page, in the order of the listing. Answers how many ids were new to the run.
pub async fn insert(tx: &mut Tx, run: &Run, ids: &[MessageId], first_position: i64) -> Result<usize, Error> {
    if ids.is_empty() {
        return Ok(0);
    }
    sql("INSERT INTO sync_listing (tenant, run_id, pass, message_id, position) \
         SELECT $1, $2, $3, n.message_id, $4 + n.place \
         FROM unnest($5::text[]) WITH ORDINALITY AS n(message_id, place) ON CONFLICT DO NOTHING")
    .bind::<Text, _>(run.tenant.as_str())
    .bind::<SqlUuid, _>(run.id.0)
    .bind::<SmallInt, _>(run.pass)
    .bind::<BigInt, _>(first_position)
    .bind::<Array<Text>, _>(ids.iter().map(MessageId::as_str).collect::<Vec<_>>())
    .execute(tx)
    .await
}

/// A listed id that is to be looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Todo {
    pub message_id: MessageId,
    pub state: TodoState,
}

/// What the mirror holds of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TodoState {
    /// No content.
    Missing,
    /// Content, but labels of an older generation, or a tombstone from before the run.
    Stale,
    /// As new as the run needs it.
    Current,
}

/// The next ids to look at, newest first.
pub async fn list_todo(tx: &mut Tx, run: &Run, limit: usize) -> Result<Vec<Todo>, Error> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        message_id: String,
        #[diesel(sql_type = Nullable<Bool>)]
        stub: Option<bool>,
        #[diesel(sql_type = Nullable<Bool>)]
        current: Option<bool>,
    }
    // A tombstone above the boundary is newer than the listing: the live lane saw the mail go.
    let rows = sql("SELECT l.message_id, e.stub, \
            e.generation = $4 AND (NOT e.is_deleted OR e.history_id > $5) AS current \
         FROM (SELECT message_id, position FROM sync_listing WHERE tenant = $1 AND run_id = $2 AND state = 0 \
               ORDER BY position LIMIT $6) l \
         LEFT JOIN emails e ON e.tenant = $1 AND e.connector_id = $3 AND e.message_id = l.message_id \
         ORDER BY l.position")
    .bind::<Text, _>(run.tenant.as_str())
    .bind::<SqlUuid, _>(run.id.0)
    .bind::<SqlUuid, _>(run.connector.0)
    .bind::<Integer, _>(run.generation)
    .bind::<BigInt, _>(run.boundary.as_i64())
    .bind::<BigInt, _>(super::count(limit))
    .load::<Row>(tx)
    .await?;
    rows.into_iter()
        .map(|row| {
            let state = match (row.stub, row.current) {
                (_, Some(true)) => TodoState::Current,
                (Some(false), _) => TodoState::Stale,
                _ => TodoState::Missing,
            };
            Ok(Todo { message_id: super::message_id(row.message_id)?, state })
        })
        .collect()
}

/// Notes where ids stand.
pub async fn mark(tx: &mut Tx, run: &Run, ids: &[MessageId], mark: Mark) -> Result<(), Error> {
    if ids.is_empty() {
        return Ok(());
    }
    let state = match mark {
        Mark::Done => 1_i16,
        Mark::Parked => 2,
        Mark::LeftOut => 3,
    };
    sql("UPDATE sync_listing SET state = $3 WHERE tenant = $1 AND run_id = $2 AND message_id = ANY ($4)")
        .bind::<Text, _>(run.tenant.as_str())
        .bind::<SqlUuid, _>(run.id.0)
        .bind::<SmallInt, _>(state)
        .bind::<Array<Text>, _>(ids.iter().map(MessageId::as_str).collect::<Vec<_>>())
        .execute(tx)
        .await?;
    Ok(())
}

/// Forgets the listing of an ended run.
pub async fn clear(tx: &mut Tx, run: &Run) -> Result<(), Error> {
    sql("DELETE FROM sync_listing WHERE tenant = $1 AND run_id = $2")
        .bind::<Text, _>(run.tenant.as_str())
        .bind::<SqlUuid, _>(run.id.0)
        .execute(tx)
        .await?;
    Ok(())
}
