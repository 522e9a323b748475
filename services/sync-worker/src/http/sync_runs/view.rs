//! A run as the API writes it, with its rate and what is left.

use postrider_domain::{RunState, Timestamp};
use postrider_gmail::quota::QuotaSetting;
use postrider_storage::{Error, TenantTx};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::http::api::Api;
use crate::store::{emails, runs};

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
    /// `full`, `incremental`, `repair`, `audit`, `erase`.
    pub kind: &'static str,
    pub reason: &'static str,
    /// `queued`, `listing`, `fetching`, `confirming`, `erasing`, `completed`, `failed`, `superseded`.
    pub state: &'static str,
    pub listed: i64,
    pub fetched: i64,
    pub stored: i64,
    pub new_emails: i64,
    pub deleted: i64,
    pub failed: i64,
    /// As the account's profile counts them, and never below what was listed. An estimate until `state` is past `listing`.
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

/// Ids on a page of the listing.
const PAGE: i64 = 500;

/// Runs as the API writes them. `tx` is of their tenant.
pub async fn show(tx: &TenantTx, rows: Vec<runs::Run>, api: &Api) -> Result<Vec<Run>, Error> {
    let mut shown = Vec::with_capacity(rows.len());
    for row in rows {
        let left = match row.state {
            RunState::Listing | RunState::Fetching => Some(left(tx, &row).await?),
            // What is asked about at the end was never listed: nobody knows how many before.
            RunState::Confirming => Some(0),
            RunState::Queued | RunState::Erasing | RunState::Completed | RunState::Failed | RunState::Superseded => {
                None
            }
        };
        shown.push(Run::new(row, left, &api.quota, api.now()));
    }
    Ok(shown)
}

/// Mails still to fetch: those that are not here as the run's generation has them, and not given up.
async fn left(tx: &TenantTx, run: &runs::Run) -> Result<i64, Error> {
    let current = emails::count_current(tx, run.connector, run.generation).await?;
    let left = (run.total_estimate.max(run.listed) - run.outside - current - run.failed).max(0);
    Ok(run.max_results.map_or(left, |most| left.min(most - run.stored).max(0)))
}

fn forecast(row: &runs::Run, left: i64, quota: &QuotaSetting) -> Forecast {
    let pages = match row.state {
        RunState::Listing => (row.total_estimate - row.listed).max(0) / PAGE + 1,
        _ => 0,
    };
    let units = left
        .saturating_mul(quota.costs.messages_get.into())
        .saturating_add(pages.saturating_mul(quota.costs.messages_list.into()));
    Forecast { units, seconds: units.saturating_mul(60) / i64::from(quota.limits.user_per_minute.max(1)) }
}

impl Run {
    /// The row, seen at `now`, with that many mails left to fetch while it is at work.
    fn new(row: runs::Run, left: Option<i64>, quota: &QuotaSetting, now: Timestamp) -> Self {
        let seconds = row.started_at.map_or(0.0, |start| {
            let milliseconds = (row.finished_at.unwrap_or(now) - start).num_milliseconds().max(0);
            f64::from(u32::try_from(milliseconds).unwrap_or(u32::MAX)) / 1000.0
        });
        let done = f64::from(u32::try_from(row.fetched.max(0)).unwrap_or(u32::MAX));
        let rate = if seconds > 0.0 { done / seconds } else { 0.0 };
        let eta_seconds = left.filter(|left| *left == 0 || rate > 0.0).map(|left| match left {
            0 => 0,
            left => {
                let left = f64::from(u32::try_from(left).unwrap_or(u32::MAX));
                // Less than 2^53 seconds either way: the conversion is exact enough for an estimate.
                format!("{:.0}", left / rate).parse().unwrap_or(0)
            }
        });
        let forecast = left.map(|left| forecast(&row, left, quota));
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
