//! `GET /api/system/email-monitor/status`

use actix_web::web::{Data, Json};
use postrider_domain::{AccountStatus, Timestamp};
use postrider_web::{AccountHeader, ApiQuery, Caller, Problem, Scope};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::http::accounts::ids;
use crate::http::api::{Api, problem};
use crate::http::gmail::account::AccountQuery;
use crate::store::emails;
use crate::store::mailboxes::accounts::Account;

/// The monitor of the caller's accounts, or of the one that was named.
#[derive(Debug, Serialize, ToSchema)]
pub struct MonitorStatus {
    /// Whether at least one account is looked at by itself.
    pub is_running: bool,
    /// When Gmail was last followed to its end.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_poll_at: Option<Timestamp>,
    /// A code; of the first account that has one.
    pub last_error: Option<String>,
    /// Mails in the mirror, deleted ones too.
    pub emails_processed_total: i64,
    pub accounts: Vec<MonitoredAccount>,
}

/// One account.
#[derive(Debug, Serialize, ToSchema)]
pub struct MonitoredAccount {
    pub connector_id: Uuid,
    pub email_address: String,
    /// `active`, `paused`, `reauth_required`, `disconnected`.
    pub status: &'static str,
    pub is_running: bool,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_poll_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub next_poll_at: Option<Timestamp>,
    pub last_error: Option<String>,
}

/// Whether the caller's accounts are polled, and how that goes.
#[utoipa::path(get, path = "/api/system/email-monitor/status", tag = "monitor", params(AccountQuery),
    responses((status = 200, body = MonitorStatus), (status = 404, body = postrider_web::ProblemDocument),
              (status = 422, body = postrider_web::ProblemDocument)))]
pub async fn handle(
    api: Data<Api>,
    caller: Caller,
    account: AccountHeader,
    query: ApiQuery<AccountQuery>,
) -> Result<Json<MonitorStatus>, Problem> {
    let query = query.into_inner();
    let (tx, accounts) = api.open(&caller, Scope::Read).await?;
    let covered = accounts.covered(account.or(query.connector_id)?, query.user_email.as_ref())?;
    let totals = emails::totals(&tx, &ids(&covered)).await.map_err(problem)?;
    tx.commit().await.map_err(problem)?;
    let accounts: Vec<MonitoredAccount> = covered.iter().map(|account| MonitoredAccount::of(account)).collect();
    Ok(Json(MonitorStatus {
        is_running: accounts.iter().any(|account| account.is_running),
        last_poll_at: accounts.iter().filter_map(|account| account.last_poll_at).max(),
        last_error: accounts.iter().find_map(|account| account.last_error.clone()),
        emails_processed_total: totals.total + totals.deleted,
        accounts,
    }))
}

impl MonitoredAccount {
    fn of(account: &Account) -> Self {
        let is_running = account.monitored && account.status == AccountStatus::Active;
        Self {
            connector_id: account.id.0,
            email_address: account.address.clone(),
            status: account.status.as_str(),
            is_running,
            last_poll_at: account.caught_up_at,
            next_poll_at: account.due_at.filter(|_| is_running),
            last_error: account.last_error.clone(),
        }
    }
}
