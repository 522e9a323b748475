//! A run as the API writes it, with its rate and what is left.

use postrider_domain::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::store::runs;

/// What a run will still cost.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
pub struct Forecast {
    /// Google's quota units still to spend.
    pub units: i64,
    /// Seconds at the allowance of one user.
    pub seconds: i64,
}

/// A sync run.
#[derive(Debug, Serialize, ToSchema)]
pub struct Run {
    pub id: Uuid,
    pub connector_id: Uuid,
    /// `full`, `incremental`, `repair`, `audit`.
    pub kind: &'static str,
    pub reason: &'static str,
    /// `queued`, `listing`, `fetching`, `confirming`, `completed`, `failed`, `superseded`.
    pub state: &'static str,
    pub listed: i64,
    pub fetched: i64,
    pub stored: i64,
    pub new_emails: i64,
    pub deleted: i64,
    pub failed: i64,
    pub total_estimate: i64,
    /// Mails a second since the start.
    pub rate: f64,
    pub eta_seconds: Option<i64>,
    pub forecast: Option<Forecast>,
    pub error: Option<String>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub started_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub finished_at: Option<Timestamp>,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
}

/// Units of one messages.get and a user's units a minute: Google's quota since May 2026.
const GET_UNITS: i64 = 20;
const USER_UNITS_A_MINUTE: i64 = 6_000;

impl Run {
    /// The row, seen at `now`.
    pub fn new(row: runs::Run, now: Timestamp) -> Self {
        let finished = row.finished_at.is_some();
        let seconds = row.started_at.map_or(0.0, |start| {
            let milliseconds = (row.finished_at.unwrap_or(now) - start).num_milliseconds().max(0);
            f64::from(u32::try_from(milliseconds).unwrap_or(u32::MAX)) / 1000.0
        });
        let done = f64::from(u32::try_from(row.fetched.max(0)).unwrap_or(u32::MAX));
        let rate = if seconds > 0.0 { done / seconds } else { 0.0 };
        let left = (row.total_estimate.max(row.listed) - row.fetched).max(0);
        let open = !finished && row.started_at.is_some();
        let eta_seconds = (open && rate > 0.0).then(|| {
            let left = f64::from(u32::try_from(left).unwrap_or(u32::MAX));
            // Less than 2^53 seconds either way: the conversion is exact enough for an estimate.
            format!("{:.0}", left / rate).parse().unwrap_or(0)
        });
        let forecast = open.then(|| {
            let units = left.saturating_mul(GET_UNITS);
            Forecast { units, seconds: units * 60 / USER_UNITS_A_MINUTE }
        });
        Self {
            id: row.id.0,
            connector_id: row.connector.0,
            kind: row.kind.as_str(),
            reason: row.reason.as_str(),
            state: row.state.as_str(),
            listed: row.listed,
            fetched: row.fetched,
            stored: row.stored,
            new_emails: row.new_emails,
            deleted: row.deleted,
            failed: row.failed,
            total_estimate: row.total_estimate,
            rate,
            eta_seconds,
            forecast,
            error: row.error,
            started_at: row.started_at,
            finished_at: row.finished_at,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}
