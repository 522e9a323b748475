//! `GET /gmail/stats`

use actix_web::web::{Data, Json};
use chrono::TimeDelta;
use domain::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;
use web::{ApiQuery, Caller, Problem};

use super::account::AccountQuery;
use crate::http::api::{Api, chosen, problem};
use crate::store::stats;

/// Mails with one label.
#[derive(Debug, Serialize, ToSchema)]
pub struct LabelStats {
    pub label_id: String,
    pub name: String,
    pub emails: i64,
}

/// Statistics of one account.
#[derive(Debug, Serialize, ToSchema)]
pub struct Stats {
    pub connector_id: Uuid,
    pub email_address: String,
    pub status: String,
    pub total_emails: i64,
    pub deleted_emails: i64,
    pub unread_emails: i64,
    pub by_label: Vec<LabelStats>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_synced_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_pushed_at: Option<Timestamp>,
    /// History id the mirror has reached, decimal text.
    pub cursor: Option<String>,
    /// Age of the oldest push not yet in the mirror; 0 when there is none.
    pub lag_seconds: i64,
    pub parked: i64,
    /// Result of the last audit; null until one has run.
    pub coverage: Option<f64>,
    /// Google's units spent in the current minute.
    pub quota_used_this_minute: i64,
    pub last_error: Option<String>,
}

#[utoipa::path(get, path = "/gmail/stats", tag = "sync", params(AccountQuery),
    responses((status = 200, body = Stats), (status = 404, body = web::ProblemDocument),
              (status = 409, body = web::ProblemDocument)))]
pub async fn handle(api: Data<Api>, caller: Caller, query: ApiQuery<AccountQuery>) -> Result<Json<Stats>, Problem> {
    let query = query.into_inner();
    let (mut tx, accounts) = api.open(&caller).await?;
    let account = chosen(&accounts, query.connector_id, query.user_email.as_ref())?;
    let totals = stats::totals(&mut tx, account.connector_id).await.map_err(problem)?;
    let labels = stats::by_label(&mut tx, account.connector_id).await.map_err(problem)?;
    let oldest = stats::oldest_open_push(&mut tx, account.connector_id).await.map_err(problem)?;
    tx.enter_system().await.map_err(problem)?;
    let quota = stats::quota(&mut tx, &account.google_sub).await.map_err(problem)?;
    tx.commit().await.map_err(problem)?;
    let now = api.clock.now();
    Ok(Json(Stats {
        connector_id: account.connector_id,
        email_address: account.address.clone(),
        status: account.status.clone(),
        total_emails: totals.total,
        deleted_emails: totals.deleted,
        unread_emails: totals.unread,
        by_label: labels
            .into_iter()
            .map(|row| LabelStats { label_id: row.label_id, name: row.name, emails: row.n })
            .collect(),
        last_synced_at: account.last_synced_at,
        last_pushed_at: account.last_pushed_at,
        cursor: account.cursor.map(|cursor| cursor.to_string()),
        lag_seconds: oldest.map_or(0, |at| (now - at).num_seconds().max(0)),
        parked: totals.parked,
        coverage: None,
        quota_used_this_minute: quota
            .filter(|row| now - row.minute < TimeDelta::minutes(1))
            .map_or(0, |row| row.spent_in_minute),
        last_error: account.last_error.clone(),
    }))
}
