//! A row of `sync_runs` as the engine reads it.

use postrider_contracts::mailbox::RunState;
use postrider_domain::{ConnectorId, HistoryId, RunId, TenantId, Timestamp};
use postrider_storage::types::{BigInt, Bool, Integer, Nullable, SmallInt, Text, Timestamptz, Uuid as SqlUuid};
use postrider_storage::{Error, QueryableByName};
use uuid::Uuid;

/// A run as the engine sees it.
#[derive(Debug, Clone)]
pub struct Run {
    pub tenant: TenantId,
    pub id: RunId,
    pub connector: ConnectorId,
    pub kind: String,
    pub reason: String,
    pub state: String,
    pub generation: i32,
    pub boundary: HistoryId,
    pub pass: i16,
    pub page_token: Option<String>,
    pub listing_complete: bool,
    pub max_results: Option<i64>,
    /// Place in the listing up to which every mail is in the mirror, parked or left out.
    pub settled: i64,
    pub counts: Counts,
    pub total_estimate: i64,
    pub error: Option<String>,
    /// Failures in a row; 0 after any progress.
    pub attempts: i32,
    /// Not worked on before.
    pub not_before: Option<Timestamp>,
    pub progressed_at: Option<Timestamp>,
    pub started_at: Timestamp,
    pub finished_at: Option<Timestamp>,
}

/// Counts of a run; as a delta: what a transaction adds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub listed: i64,
    pub fetched: i64,
    pub stored: i64,
    pub new_emails: i64,
    pub deleted: i64,
    pub failed: i64,
}

impl Run {
    /// The run as events carry it.
    pub fn state_message(&self) -> RunState {
        let n = |value: i64| u64::try_from(value).unwrap_or(0);
        RunState {
            run_id: self.id.to_string(),
            kind: self.kind.clone(),
            reason: self.reason.clone(),
            listed: n(self.counts.listed),
            fetched: n(self.counts.fetched),
            stored: n(self.counts.stored),
            deleted: n(self.counts.deleted),
            failed: n(self.counts.failed),
            total_estimate: n(self.total_estimate),
            error: self.error.clone().unwrap_or_default(),
            new_emails: n(self.counts.new_emails),
            started_at_ms: self.started_at.timestamp_millis(),
            finished_at_ms: self.finished_at.map_or(0, |at| at.timestamp_millis()),
        }
    }
}

/// The columns of [`Row`].
macro_rules! run_columns {
    () => {
        "tenant, run_id, connector_id, kind, reason, state, generation, boundary, pass, page_token, listing_complete, \
         max_results, settled, listed, fetched, stored, new_emails, deleted, failed, total_estimate, error, attempts, not_before, progressed_at, \
         coalesce(started_at, created_at) AS started_at, finished_at"
    };
}

pub(super) use run_columns;

#[derive(QueryableByName)]
pub(super) struct Row {
    #[diesel(sql_type = Text)]
    tenant: String,
    #[diesel(sql_type = SqlUuid)]
    run_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    connector_id: Uuid,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Text)]
    reason: String,
    #[diesel(sql_type = Text)]
    state: String,
    #[diesel(sql_type = Integer)]
    generation: i32,
    #[diesel(sql_type = BigInt)]
    boundary: i64,
    #[diesel(sql_type = SmallInt)]
    pass: i16,
    #[diesel(sql_type = Nullable<Text>)]
    page_token: Option<String>,
    #[diesel(sql_type = Bool)]
    listing_complete: bool,
    #[diesel(sql_type = Nullable<BigInt>)]
    max_results: Option<i64>,
    #[diesel(sql_type = BigInt)]
    settled: i64,
    #[diesel(sql_type = BigInt)]
    listed: i64,
    #[diesel(sql_type = BigInt)]
    fetched: i64,
    #[diesel(sql_type = BigInt)]
    stored: i64,
    #[diesel(sql_type = BigInt)]
    new_emails: i64,
    #[diesel(sql_type = BigInt)]
    deleted: i64,
    #[diesel(sql_type = BigInt)]
    failed: i64,
    #[diesel(sql_type = BigInt)]
    total_estimate: i64,
    #[diesel(sql_type = Nullable<Text>)]
    error: Option<String>,
    #[diesel(sql_type = Integer)]
    attempts: i32,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    not_before: Option<Timestamp>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    progressed_at: Option<Timestamp>,
    #[diesel(sql_type = Timestamptz)]
    started_at: Timestamp,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    finished_at: Option<Timestamp>,
}

impl TryFrom<Row> for Run {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        Ok(Self {
            tenant: TenantId::parse(row.tenant).map_err(|error| Error::Other(error.to_string()))?,
            id: RunId(row.run_id),
            connector: ConnectorId(row.connector_id),
            kind: row.kind,
            reason: row.reason,
            state: row.state,
            generation: row.generation,
            boundary: HistoryId::from_i64(row.boundary),
            pass: row.pass,
            page_token: row.page_token,
            listing_complete: row.listing_complete,
            max_results: row.max_results,
            settled: row.settled,
            counts: Counts {
                listed: row.listed,
                fetched: row.fetched,
                stored: row.stored,
                new_emails: row.new_emails,
                deleted: row.deleted,
                failed: row.failed,
            },
            total_estimate: row.total_estimate,
            error: row.error,
            attempts: row.attempts,
            not_before: row.not_before,
            progressed_at: row.progressed_at,
            started_at: row.started_at,
            finished_at: row.finished_at,
        })
    }
}
