//! `sync_listing`: ids a run's listing found. Small rows, many of them; removed in batches after the run has ended.

use std::collections::BTreeSet;

use postrider_domain::{LabelId, MessageId, RunId, TenantId, ThreadId};
use postrider_storage::types::{BigInt, Bool, Nullable, Text};
use postrider_storage::{Error, NamedRow, Pg, QueryableByName, RowResult, SystemTx, TenantTx, Value, row, sql};

use super::runs::Run;

/// Adds a page, in the order of the listing. Returns how many ids were new to the run. They are wanted, unless the run leaves
/// out what is old: then [`want`] says which are.
pub async fn insert(tx: &mut TenantTx, run: &Run, ids: &[MessageId]) -> Result<usize, Error> {
    if ids.is_empty() {
        return Ok(0);
    }
    sql("INSERT INTO sync_listing (tenant, run_id, pass, wanted, message_id, position) \
         SELECT $1, $2, $3, $4, n.message_id, n.place + \
           coalesce((SELECT max(position) FROM sync_listing WHERE tenant = $1 AND run_id = $2), 0) \
         FROM {n: message_id text, #place} \
         ON CONFLICT (tenant, run_id, message_id) DO NOTHING")
    .binds((&run.tenant, run.id, run.pass, run.since.is_none()))
    .column("message_id", ids)
    .execute(tx)
    .await
}

/// A page of the listing of what is not too old: these are wanted.
pub async fn want(tx: &TenantTx, run: &Run, ids: &[MessageId]) -> Result<(), Error> {
    sql("UPDATE sync_listing SET wanted = true WHERE tenant = $1 AND run_id = $2 AND message_id = ANY ($3)")
        .binds((&run.tenant, run.id, ids))
        .execute(tx)
        .await?;
    Ok(())
}

/// How many listed mails are too old and not in the mirror.
pub async fn count_outside(tx: &TenantTx, run: &Run) -> Result<i64, Error> {
    let outside =
        sql("SELECT count(*) AS value FROM sync_listing l WHERE l.tenant = $1 AND l.run_id = $2 AND NOT l.wanted \
           AND NOT EXISTS (SELECT FROM emails e \
             WHERE e.tenant = $1 AND e.connector_id = $3 AND e.message_id = l.message_id)")
        .binds((&run.tenant, run.id, run.connector))
        .get_result::<Value<i64>>(tx)
        .await?;
    Ok(outside.0)
}

/// A page of a label's listing: these carry it. What the listing of all ids did not name is left out.
pub async fn add_label(tx: &TenantTx, run: &Run, label: &LabelId, ids: &[MessageId]) -> Result<(), Error> {
    if ids.is_empty() {
        return Ok(());
    }
    sql("UPDATE sync_listing l SET labels = array_append(coalesce(l.labels, '{}'), $3) FROM {n: message_id text} \
         WHERE l.tenant = $1 AND l.run_id = $2 AND l.message_id = n.message_id \
           AND NOT coalesce($3 = ANY (l.labels), false)")
    .binds((&run.tenant, run.id, label))
    .column("message_id", ids)
    .execute(tx)
    .await?;
    Ok(())
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TodoState {
    /// No content.
    Missing,
    /// Nothing, and it is too old to be wanted.
    Outside,
    /// Content, but labels of an older generation, or a tombstone from before the run.
    Stale,
    /// Content, and labels of an older generation that the listings of labels confirm.
    Unchanged(Box<Told>),
    /// As new as the run needs it.
    Current,
}

/// What the mirror has of a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    pub thread_id: ThreadId,
    pub labels: Vec<LabelId>,
}

/// Both, as sets; the row's, where they are the same.
fn confirmed(known: &str, learnt: &str) -> Option<Vec<LabelId>> {
    let read = |text: &str| text.lines().map(LabelId::parse).collect::<Result<BTreeSet<_>, _>>().ok();
    let (known, learnt) = (read(known)?, read(learnt)?);
    (known == learnt).then(|| known.into_iter().collect())
}

impl QueryableByName<Pg> for Todo {
    fn build<'a>(row: &impl NamedRow<'a, Pg>) -> RowResult<Self> {
        let flag = |name: &str| NamedRow::get::<Nullable<Bool>, Option<bool>>(row, name);
        let text = |name: &str| NamedRow::get::<Nullable<Text>, Option<String>>(row, name);
        let told = match (text("known")?, text("learnt")?, text("thread_id")?) {
            (Some(known), Some(learnt), Some(thread)) => confirmed(&known, &learnt)
                .zip(ThreadId::parse(thread).ok())
                .map(|(labels, thread_id)| Box::new(Told { thread_id, labels })),
            _ => None,
        };
        let wanted = NamedRow::get::<Bool, bool>(row, "wanted")?;
        let state = match (flag("stub")?, flag("current")?) {
            (_, Some(true)) => TodoState::Current,
            (Some(false), _) => told.map_or(TodoState::Stale, TodoState::Unchanged),
            (None, _) if !wanted => TodoState::Outside,
            _ => TodoState::Missing,
        };
        let message_id = NamedRow::get::<Text, _>(row, "message_id")?;
        Ok(Self { message_id, position: NamedRow::get::<BigInt, _>(row, "position")?, state })
    }
}

/// The ids behind a place of the listing, newest first.
pub async fn list_todo(tx: &mut TenantTx, run: &Run, after: i64, limit: usize) -> Result<Vec<Todo>, Error> {
    let learnt = run.learns_labels();
    // LATERAL … LIMIT: one look into the index for each id, whatever the planner believes about a table just filled.
    sql("SELECT l.message_id, l.position, l.wanted, e.stub, e.current, e.thread_id, e.known, l.learnt \
         FROM (SELECT message_id, position, wanted, \
                 CASE WHEN $8 THEN array_to_string(coalesce(labels, '{}'), chr(10)) END AS learnt \
               FROM sync_listing WHERE tenant = $1 AND run_id = $2 AND position > $6 \
               ORDER BY position LIMIT $7) l \
         LEFT JOIN LATERAL (SELECT stub, generation = $4 AND (NOT is_deleted OR history_id > $5) AS current, \
              thread_id, CASE WHEN NOT is_deleted THEN array_to_string(label_ids, chr(10)) END AS known \
            FROM emails WHERE tenant = $1 AND connector_id = $3 AND message_id = l.message_id LIMIT 1) e ON true \
         ORDER BY l.position")
    .binds((&run.tenant, run.id, run.connector, run.generation, run.boundary, after, super::count(limit), learnt))
    .load(tx)
    .await
}

/// Those of the given messages that a run has listed and not come to yet.
pub async fn list_ahead(tx: &TenantTx, run: &Run, messages: &[MessageId]) -> Result<Vec<MessageId>, Error> {
    let ahead = sql("SELECT message_id AS value FROM sync_listing \
         WHERE tenant = $1 AND run_id = $2 AND position > $3 AND message_id = ANY ($4)")
    .binds((&run.tenant, run.id, run.settled, messages))
    .load::<Value<MessageId>>(tx)
    .await?;
    Ok(ahead.into_iter().map(|row| row.0).collect())
}

/// Lets the planner know what a run has just written.
pub async fn refresh_statistics(tx: &mut SystemTx) -> Result<(), Error> {
    sql("SELECT refresh_statistics()").execute(tx).await?;
    Ok(())
}

row! {
    /// An ended run with a listing left.
    #[derive(Debug, Clone)]
    pub struct Leftover {
        pub tenant: TenantId,
        pub run: RunId,
    }
}

/// Runs that ended and whose listing is not cleared yet, longest ended first.
pub async fn list_leftovers(tx: &SystemTx, limit: usize) -> Result<Vec<Leftover>, Error> {
    sql("SELECT tenant, run_id AS run FROM sync_runs \
         WHERE NOT listing_cleared AND finished_at IS NOT NULL AND kind <> 'incremental' ORDER BY finished_at LIMIT $1")
    .bind(super::count(limit))
    .load(tx)
    .await
}

/// Forgets some of the listing of an ended run, and notes when nothing is left of it. Returns whether that is so. No
/// mailbox's lock is needed: nobody reads the listing of an ended run.
pub async fn clear(tx: &TenantTx, leftover: &Leftover, limit: usize) -> Result<bool, Error> {
    let cleared = sql("DELETE FROM sync_listing WHERE tenant = $1 AND run_id = $2 AND message_id = ANY (ARRAY( \
           SELECT message_id FROM sync_listing WHERE tenant = $1 AND run_id = $2 ORDER BY message_id LIMIT $3))")
    .binds((&leftover.tenant, leftover.run, super::count(limit)))
    .execute(tx)
    .await?;
    if cleared >= limit {
        return Ok(false);
    }
    sql("UPDATE sync_runs SET listing_cleared = true WHERE tenant = $1 AND run_id = $2 AND finished_at IS NOT NULL")
        .binds((&leftover.tenant, leftover.run))
        .execute(tx)
        .await?;
    Ok(true)
}
