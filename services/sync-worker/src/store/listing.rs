//! Ids a run's listing found. Small rows, many of them; removed when the run has ended.

use postrider_domain::MessageId;
use postrider_storage::types::{Array, BigInt, Bool, Integer, Nullable, SmallInt, Text, Uuid as SqlUuid};
use postrider_storage::{Error, QueryableByName, Tx, sql};

use super::runs::Run;

/// Adds a page, in the order of the listing. Answers how many ids were new to the run.
pub async fn insert(tx: &mut Tx, run: &Run, ids: &[MessageId]) -> Result<usize, Error> {
    if ids.is_empty() {
        return Ok(0);
    }
    sql("INSERT INTO sync_listing (tenant, run_id, pass, message_id, position) \
         SELECT $1, $2, $3, n.message_id, n.place + \
           coalesce((SELECT max(position) FROM sync_listing WHERE tenant = $1 AND run_id = $2), 0) \
         FROM unnest($4::text[]) WITH ORDINALITY AS n(message_id, place) \
         ON CONFLICT (tenant, run_id, message_id) DO NOTHING")
    .bind_as::<Text, _>(run.tenant.as_str())
    .bind_as::<SqlUuid, _>(run.id.0)
    .bind_as::<SmallInt, _>(run.pass)
    .bind_as::<Array<Text>, _>(ids.iter().map(MessageId::as_str).collect::<Vec<_>>())
    .execute(tx)
    .await
}

/// A listed id that is to be looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Todo {
    pub message_id: MessageId,
    /// Its place in the listing.
    pub position: i64,
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

/// The ids behind a place of the listing, newest first.
pub async fn list_todo(tx: &mut Tx, run: &Run, after: i64, limit: usize) -> Result<Vec<Todo>, Error> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        message_id: String,
        #[diesel(sql_type = BigInt)]
        position: i64,
        #[diesel(sql_type = Nullable<Bool>)]
        stub: Option<bool>,
        #[diesel(sql_type = Nullable<Bool>)]
        current: Option<bool>,
    }
    // LATERAL … LIMIT: one look into the index for each id, whatever the planner believes about a table just filled.
    let rows = sql("SELECT l.message_id, l.position, e.stub, e.current \
         FROM (SELECT message_id, position FROM sync_listing WHERE tenant = $1 AND run_id = $2 AND position > $6 \
               ORDER BY position LIMIT $7) l \
         LEFT JOIN LATERAL (SELECT stub, generation = $4 AND (NOT is_deleted OR history_id > $5) AS current \
            FROM emails WHERE tenant = $1 AND connector_id = $3 AND message_id = l.message_id LIMIT 1) e ON true \
         ORDER BY l.position")
    .bind_as::<Text, _>(run.tenant.as_str())
    .bind_as::<SqlUuid, _>(run.id.0)
    .bind_as::<SqlUuid, _>(run.connector.0)
    .bind_as::<Integer, _>(run.generation)
    .bind_as::<BigInt, _>(run.boundary.as_i64())
    .bind_as::<BigInt, _>(after)
    .bind_as::<BigInt, _>(super::count(limit))
    .load::<Row>(tx)
    .await?;
    rows.into_iter()
        .map(|row| {
            let state = match (row.stub, row.current) {
                (_, Some(true)) => TodoState::Current,
                (Some(false), _) => TodoState::Stale,
                _ => TodoState::Missing,
            };
            Ok(Todo { message_id: super::message_id(row.message_id)?, position: row.position, state })
        })
        .collect()
}

/// Lets the planner know what a run has just written.
pub async fn refresh_statistics(tx: &mut Tx) -> Result<(), Error> {
    sql("SELECT refresh_statistics()").execute(tx).await?;
    Ok(())
}

/// Forgets the listing of an ended run.
pub async fn clear(tx: &mut Tx, run: &Run) -> Result<(), Error> {
    sql("DELETE FROM sync_listing WHERE tenant = $1 AND run_id = $2")
        .bind_as::<Text, _>(run.tenant.as_str())
        .bind_as::<SqlUuid, _>(run.id.0)
        .execute(tx)
        .await?;
    Ok(())
}
