//! `GET /api/v1/gmail/watch/queue`: pushes, and how each ended.

#![expect(unused_qualifications, reason = "in the code utoipa makes of `params`")]

use actix_web::web::{Data, Json};
use postrider_domain::{ConnectorId, Timestamp};
use postrider_web::{AccountHeader, ApiQuery, Caller, Cursor, Limit, Page, Problem, RowTime, Scope};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::http::accounts::ids;
use crate::http::api::{Api, problem};
use crate::store::queue::shown::{self, QueueStatus, Queued};

/// Where a push stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = QueueStatus)]
pub enum Status {
    Pending,
    Processing,
    Completed,
    Failed,
}

/// Which pushes to list, newest first.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct QueueQuery {
    #[param(value_type = Option<Uuid>)]
    pub connector_id: Option<ConnectorId>,
    #[param(inline)]
    pub status: Option<Status>,
    #[param(inline)]
    pub limit: Limit,
    #[param(value_type = Option<String>)]
    pub cursor: Option<Cursor<(RowTime, Uuid)>>,
}

/// A push.
#[derive(Debug, Serialize, ToSchema)]
pub struct QueueItem {
    pub id: Uuid,
    /// The account's watch by which Google pushed it; null for what came otherwise.
    pub watch_id: Option<Uuid>,
    pub connector_id: Uuid,
    /// `history`: a push, a channel's message, a poll; `email`: one message.
    pub notification_type: String,
    pub message_id: Option<String>,
    pub thread_id: Option<String>,
    /// Decimal text.
    pub history_id: String,
    /// `pending`, `processing`, `completed`, `failed`.
    pub status: &'static str,
    /// Of what is completed: `applied`, or `not_seen` where history never showed the pushed id.
    pub outcome: Option<String>,
    pub retry_count: i32,
    pub max_retries: i32,
    pub error_message: Option<String>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub processed_at: Option<Timestamp>,
    /// `{source, source_message_id, published_at, …}`
    #[schema(value_type = Object)]
    pub notification_data: Value,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
}

/// Pushes and mails that failed, newest first, and how each ended.
#[utoipa::path(get, path = "/api/v1/gmail/watch/queue", tag = "watch", params(QueueQuery),
    responses((status = 200, body = Page<QueueItem>), (status = 404, body = postrider_web::ProblemDocument),
              (status = 422, body = postrider_web::ProblemDocument)))]
pub async fn handle(
    api: Data<Api>,
    caller: Caller,
    account: AccountHeader,
    query: ApiQuery<QueueQuery>,
) -> Result<Json<Page<QueueItem>>, Problem> {
    let query = query.into_inner();
    let after = query.cursor.map(|Cursor((time, id))| (time.0, id));
    let status = query.status.map(|status| match status {
        Status::Pending => QueueStatus::Pending,
        Status::Processing => QueueStatus::Processing,
        Status::Completed => QueueStatus::Completed,
        Status::Failed => QueueStatus::Failed,
    });
    let (tx, accounts) = api.open(&caller, Scope::Read).await?;
    let covered = ids(&accounts.covered(account.or(query.connector_id)?, None)?);
    let rows = shown::list(&tx, &covered, status, after, query.limit.and_one()).await.map_err(problem)?;
    tx.commit().await.map_err(problem)?;
    let page = Page::cut(rows, query.limit, |row| (row.created_at, row.id))?;
    Ok(Json(page.map(QueueItem::from)))
}

impl From<Queued> for QueueItem {
    fn from(row: Queued) -> Self {
        let mut data = row.notification_data;
        if let Some(members) = data.as_object_mut() {
            members.retain(|_, value| !value.is_null());
            members.insert("source".to_owned(), json!(row.source));
            members.insert("source_message_id".to_owned(), json!(row.source_message_id));
            members.insert("published_at".to_owned(), json!(row.published_at));
        }
        Self {
            id: row.id,
            watch_id: row.watch_id,
            connector_id: row.connector_id.0,
            notification_type: row.notification_type,
            message_id: row.message_id.map(postrider_domain::MessageId::into_string),
            thread_id: row.thread_id.map(postrider_domain::ThreadId::into_string),
            history_id: row.history_id.to_string(),
            status: row.status.as_str(),
            outcome: row.outcome,
            retry_count: row.retry_count,
            max_retries: row.max_retries,
            error_message: row.error_message,
            processed_at: row.processed_at,
            notification_data: data,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}
