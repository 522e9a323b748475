//! `/api/notifications/digests`.

pub mod list;
pub mod send;

use postrider_domain::TenantId;
use postrider_storage::{Error, TenantTx};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::store::digests::{self, Digest};

/// A digest as the API shows it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Digest)]
pub struct DigestView {
    #[schema(value_type = String)]
    pub id: Uuid,
    pub user_id: String,
    /// The one account it is about, where that has digests of its own.
    pub account_id: Option<String>,
    pub frequency: String,
    pub period_start: i64,
    /// The first instant that is in it no more.
    pub period_end: i64,
    pub notification_count: i64,
    /// Newest first, the newest 1,000, as far as they are kept.
    pub notification_ids: Vec<String>,
    /// Whether the mail server has taken it.
    pub email_sent: bool,
    pub email_sent_at: Option<i64>,
    pub created_at: i64,
}

/// These, with what is in them.
async fn shown(tx: &TenantTx, tenant: &TenantId, rows: Vec<Digest>) -> Result<Vec<DigestView>, Error> {
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    let members = digests::members(tx, tenant, &ids).await?;
    let view = |row: Digest| DigestView {
        notification_ids: members.iter().filter(|one| one.0 == row.id).map(|one| one.1.to_string()).collect(),
        id: row.id,
        user_id: row.user_id.into_string(),
        account_id: Some(row.scope).filter(|scope| !scope.is_empty()),
        frequency: row.frequency.to_string(),
        period_start: row.period_start.timestamp_millis(),
        period_end: row.period_end.timestamp_millis(),
        notification_count: row.notification_count,
        email_sent: row.email_sent_at.is_some(),
        email_sent_at: row.email_sent_at.map(|at| at.timestamp_millis()),
        created_at: row.created_at.timestamp_millis(),
    };
    Ok(rows.into_iter().map(view).collect())
}
