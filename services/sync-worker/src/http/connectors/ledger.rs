//! `GET /api/v1/connectors/{id}/ledger`: that nothing was lost, in numbers.

#![expect(unused_qualifications, reason = "in the code utoipa makes of `params`")]

use actix_web::web::{Data, Json};
use postrider_domain::{ConnectorId, MessageId, Timestamp};
use postrider_web::{AccountHeader, ApiQuery, Caller, Cursor, Limit, Page, PathId, Problem, Scope};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::http::api::{Api, problem};
use crate::store::{ledger, parked, runs};

/// Which page of what is parked.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct LedgerQuery {
    #[param(inline)]
    pub limit: Limit,
    #[param(value_type = Option<String>)]
    pub cursor: Option<Cursor<MessageId>>,
}

/// Entries of Gmail's history: `seen` = `applied` + `tombstoned` + `parked`.
#[derive(Debug, Serialize, ToSchema)]
pub struct Ledger {
    pub connector_id: Uuid,
    pub seen: i64,
    pub applied: i64,
    pub tombstoned: i64,
    pub parked: i64,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub updated_at: Option<Timestamp>,
    /// The last audit; null before the first.
    pub audit: Option<Audited>,
    /// What is parked, by message id.
    pub data: Vec<ParkedMessage>,
    pub next_cursor: Option<String>,
}

/// What the last complete comparison with Gmail found, before it was mended.
#[derive(Debug, Serialize, ToSchema)]
pub struct Audited {
    pub sync_run_id: Uuid,
    #[schema(value_type = String, format = DateTime)]
    pub finished_at: Timestamp,
    pub in_gmail: i64,
    pub missing: i64,
    pub extra: i64,
    /// Share of Gmail's mails that are in the mirror now.
    pub coverage: f64,
}

/// A message whose records wait.
#[derive(Debug, Serialize, ToSchema)]
pub struct ParkedMessage {
    pub message_id: String,
    pub thread_id: Option<String>,
    /// Decimal text.
    pub history_id: String,
    /// `not_visible`, `stale`, `poison`.
    pub reason: &'static str,
    /// Entries of the ledger that wait here; 0 for a mail that a run met.
    pub entries: i32,
    pub attempts: i32,
    /// Null: only when asked for.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub next_attempt_at: Option<Timestamp>,
    pub last_error: String,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

/// How every change Gmail told of ended, the parked ones by name, and the last audit.
#[utoipa::path(get, path = "/api/v1/connectors/{id}/ledger", tag = "sync",
    params(LedgerQuery, ("id" = String, Path, description = "the account")),
    responses((status = 200, body = Ledger), (status = 404, body = postrider_web::ProblemDocument),
              (status = 422, body = postrider_web::ProblemDocument)))]
pub async fn handle(
    api: Data<Api>,
    caller: Caller,
    account: AccountHeader,
    id: PathId<ConnectorId>,
    query: ApiQuery<LedgerQuery>,
) -> Result<Json<Ledger>, Problem> {
    let query = query.into_inner();
    let (tx, accounts) = api.open(&caller, Scope::Read).await?;
    let connector = accounts.chosen(account.or(Some(id.into_inner()))?, None)?.id;
    let after = query.cursor.map(|Cursor(message)| message);
    let (sums, audit, rows) = tokio::try_join!(
        ledger::find(&tx, connector),
        runs::last_audit(&tx, connector),
        parked::list(&tx, connector, after.as_ref(), query.limit.and_one())
    )
    .map_err(problem)?;
    tx.commit().await.map_err(problem)?;
    let Page { data, next_cursor } = Page::cut(rows, query.limit, |row| row.message_id.clone())?;
    let sum = |of: fn(&ledger::Ledger) -> i64| sums.as_ref().map_or(0, of);
    Ok(Json(Ledger {
        connector_id: connector.0,
        seen: sum(|row| row.seen),
        applied: sum(|row| row.applied),
        tombstoned: sum(|row| row.tombstoned),
        parked: sum(|row| row.parked),
        updated_at: sums.map(|row| row.updated_at),
        audit: audit.map(Audited::from),
        data: data.into_iter().map(ParkedMessage::from).collect(),
        next_cursor,
    }))
}

impl From<runs::Audit> for Audited {
    fn from(row: runs::Audit) -> Self {
        let whole = |count: i64| u32::try_from(count).map_or(f64::from(u32::MAX), f64::from);
        let coverage = if row.listed == 0 { 1.0 } else { (1.0 - whole(row.failed) / whole(row.listed)).max(0.0) };
        Self {
            sync_run_id: row.run_id.0,
            finished_at: row.finished_at,
            in_gmail: row.listed,
            missing: row.missing,
            extra: row.extra,
            coverage,
        }
    }
}

impl From<parked::Shown> for ParkedMessage {
    fn from(row: parked::Shown) -> Self {
        Self {
            message_id: row.message_id.into_string(),
            thread_id: row.thread_id.map(postrider_domain::ThreadId::into_string),
            history_id: row.history_id.to_string(),
            reason: row.reason.as_str(),
            entries: row.changes,
            attempts: row.attempts,
            next_attempt_at: row.next_attempt_at,
            last_error: row.last_error,
            created_at: row.created_at,
        }
    }
}
