//! `GET /gmail/stats`

use std::collections::BTreeSet;

use actix_web::web::{Data, Json};
use chrono::TimeDelta;
use postrider_domain::Timestamp;
use postrider_domain::labels::UNREAD;
use postrider_web::{AccountHeader, ApiQuery, Caller, Problem, Scope};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::account::AccountQuery;
use crate::http::accounts::ids;
use crate::http::api::{Api, problem};
use crate::store::mailboxes::accounts::Account;
use crate::store::{buckets, emails, queue, runs};

/// Mails with one label.
#[derive(Debug, Serialize, ToSchema)]
pub struct LabelStats {
    pub label_id: String,
    pub name: String,
    pub emails: i64,
}

/// Statistics of the account that was named, or of all the caller's accounts together. What cannot be added up
/// (`connector_id`, `email_address`, `status`, `cursor`, `last_error`) is null unless it is about one account.
#[derive(Debug, Serialize, ToSchema)]
pub struct Stats {
    pub connector_id: Option<Uuid>,
    pub email_address: Option<String>,
    pub status: Option<&'static str>,
    pub total_emails: i64,
    pub deleted_emails: i64,
    pub unread_emails: i64,
    /// Mails that are not deleted, by label.
    pub by_label: Vec<LabelStats>,
    /// When the account that is furthest behind was last synced; null while one was not.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_synced_at: Option<Timestamp>,
    /// The latest push.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_pushed_at: Option<Timestamp>,
    /// History id the mirror has reached, decimal text.
    pub cursor: Option<String>,
    /// Age of the oldest push not yet in the mirror; 0 when there is none.
    pub lag_seconds: i64,
    pub parked: i64,
    /// Share of the mails named by each account's last complete listing that the mirror could store; null while an
    /// account had none.
    pub coverage: Option<f64>,
    /// Google's units spent in the current minute.
    pub quota_used_this_minute: i64,
    pub last_error: Option<String>,
}

/// Totals, labels, lag and coverage of an account.
#[utoipa::path(get, path = "/gmail/stats", tag = "sync", params(AccountQuery),
    responses((status = 200, body = Stats), (status = 404, body = postrider_web::ProblemDocument)))]
pub async fn handle(
    api: Data<Api>,
    caller: Caller,
    account: AccountHeader,
    query: ApiQuery<AccountQuery>,
) -> Result<Json<Stats>, Problem> {
    let query = query.into_inner();
    let (tx, accounts) = api.open(&caller, Scope::Read).await?;
    let covered = accounts.covered(account.or(query.connector_id)?, query.user_email.as_ref())?;
    let connectors = ids(&covered);
    let (totals, labels, listings, oldest) = tokio::try_join!(
        emails::totals(&tx, &connectors),
        emails::count_by_label(&tx, &connectors),
        runs::last_listings(&tx, &connectors),
        queue::oldest_open(&tx, &connectors)
    )
    .map_err(problem)?;
    // Two connectors of one Google account share its quota: it counts once.
    let subs: BTreeSet<&str> = covered.iter().map(|account| account.google_sub.as_str()).collect();
    let now = api.now();
    let (tx, quota) = tx
        .into_system_with(async |tx| buckets::spent(tx, subs, now - TimeDelta::minutes(1)).await)
        .await
        .map_err(problem)?;
    tx.commit().await.map_err(problem)?;
    let only: Option<&Account> = if let [only] = covered.as_slice() { Some(only) } else { None };
    Ok(Json(Stats {
        connector_id: only.map(|account| account.id.0),
        email_address: only.map(|account| account.address.clone()),
        status: only.map(|account| account.status.as_str()),
        total_emails: totals.total,
        deleted_emails: totals.deleted,
        // Mails were walked for their labels already: unread ones are those with that label.
        unread_emails: labels.iter().filter(|row| row.label_id == UNREAD).map(|row| row.n).sum(),
        by_label: labels
            .into_iter()
            .map(|row| LabelStats { label_id: row.label_id, name: row.name, emails: row.n })
            .collect(),
        // Nothing is less than any time: an account that was never synced makes it null.
        last_synced_at: covered.iter().map(|account| account.last_synced_at).min().flatten(),
        last_pushed_at: covered.iter().filter_map(|account| account.last_pushed_at).max(),
        cursor: only.and_then(|account| account.cursor).map(|cursor| cursor.to_string()),
        lag_seconds: oldest.map_or(0, |at| (now - at).num_seconds().max(0)),
        parked: totals.parked,
        coverage: coverage(listings, connectors.len()),
        quota_used_this_minute: quota,
        last_error: only.and_then(|account| account.last_error.clone()),
    }))
}

fn coverage(listings: runs::Listed, accounts: usize) -> Option<f64> {
    let whole = |count: i64| u32::try_from(count).map_or(f64::from(u32::MAX), f64::from);
    let complete = accounts > 0 && usize::try_from(listings.mailboxes) == Ok(accounts);
    complete.then(|| match listings.listed {
        0 => 1.0,
        listed => (1.0 - whole(listings.failed) / whole(listed)).max(0.0),
    })
}
