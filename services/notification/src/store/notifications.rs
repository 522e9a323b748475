//! `notifications`: writing one, and reading one.

use postrider_domain::{ConnectorId, NotificationId, TenantId, Timestamp, UserId};
use postrider_storage::types::{BigInt, Bool, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use postrider_storage::{Error, QueryableByName, Tx, sql};
use serde_json::Value;
use uuid::Uuid;

use crate::rules::Draft;

/// A row as the API shows it.
#[derive(Debug, Clone, PartialEq, QueryableByName)]
pub struct Notification {
    #[diesel(sql_type = SqlUuid)]
    pub id: Uuid,
    #[diesel(sql_type = Text)]
    pub user_id: String,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    pub account_id: Option<Uuid>,
    #[diesel(sql_type = Text)]
    pub kind: String,
    #[diesel(sql_type = Text)]
    pub title: String,
    #[diesel(sql_type = Text)]
    pub message: String,
    #[diesel(sql_type = Nullable<Text>)]
    pub sender_email: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    pub sender_name: Option<String>,
    #[diesel(sql_type = Jsonb)]
    pub data: Value,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    pub email_id: Option<Uuid>,
    #[diesel(sql_type = Nullable<Text>)]
    pub message_id: Option<String>,
    #[diesel(sql_type = Bool)]
    pub is_read: bool,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub read_at: Option<Timestamp>,
    #[diesel(sql_type = Bool)]
    pub is_archived: bool,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub archived_at: Option<Timestamp>,
    #[diesel(sql_type = BigInt)]
    pub nseq: i64,
    #[diesel(sql_type = Timestamptz)]
    pub expires_at: Timestamp,
    #[diesel(sql_type = Jsonb)]
    pub decision: Value,
    #[diesel(sql_type = Timestamptz)]
    pub created_at: Timestamp,
}

/// Columns of [`Notification`], in one place for every statement that reads them.
macro_rules! notification_columns {
    () => {
        "id, user_id, account_id, type AS kind, title, message, sender_email, sender_name, data, email_id, message_id, \
         is_read, read_at, is_archived, archived_at, nseq, expires_at, decision, created_at"
    };
}
pub(super) use notification_columns;

/// A draft with everything the row and its log entry need.
pub struct NewRow<'a> {
    pub id: NotificationId,
    pub tenant: &'a TenantId,
    pub user: &'a UserId,
    pub account: Option<ConnectorId>,
    pub draft: &'a Draft,
    pub decision: Value,
    pub payload: Value,
    /// Number and unread count it takes if it is new.
    pub nseq: i64,
    pub unread: i64,
    pub now: Timestamp,
    pub expires_at: Timestamp,
}

/// Writes row, head and log entry in one statement, all or none; answers false if the notification was there already
/// (then no number is used). The user's row must be locked.
pub async fn insert(tx: &Tx, row: NewRow<'_>) -> Result<bool, Error> {
    let (room, event) = row.draft.event();
    let email_id = row.draft.email_id.as_deref().and_then(|id| id.parse::<Uuid>().ok());
    let read_at = row.draft.silenced.then_some(row.now);
    let logged = sql(
        "WITH born AS ( \
             INSERT INTO notifications (tenant, id, user_id, account_id, type, business_key, title, message, \
                 sender_email, sender_name, folder, data, email_id, message_id, is_read, read_at, created_nseq, nseq, \
                 expires_at, decision, created_at, updated_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $17, $18, $19, $20, $20) \
             ON CONFLICT ON CONSTRAINT notifications_once DO NOTHING RETURNING id), \
         head AS ( \
             UPDATE users u SET nseq = $17, unread = $21, updated_at = $20 FROM born \
             WHERE u.tenant = $1 AND u.user_id = $3 RETURNING born.id) \
         INSERT INTO user_log (tenant, user_id, nseq, kind, room, event, payload, notification_id, account_id, unread, \
             created_at) \
         SELECT $1, $3, $17, 'created', $22, $23, $24, head.id, $4, $21, $20 FROM head",
    )
    .bind_as::<Text, _>(row.tenant.as_str())
    .bind_as::<SqlUuid, _>(row.id.0)
    .bind_as::<Text, _>(row.user.as_str())
    .bind_as::<Nullable<SqlUuid>, _>(row.account.map(|id| id.0))
    .bind_as::<Text, _>(row.draft.kind.as_str())
    .bind_as::<Text, _>(row.draft.business_key.as_str())
    .bind_as::<Text, _>(row.draft.title.as_str())
    .bind_as::<Text, _>(row.draft.message.as_str())
    .bind_as::<Nullable<Text>, _>(row.draft.sender_email.as_deref())
    .bind_as::<Nullable<Text>, _>(row.draft.sender_name.as_deref())
    .bind_as::<Nullable<Text>, _>(row.draft.folder.as_deref())
    .bind_as::<Jsonb, _>(row.draft.data.clone())
    .bind_as::<Nullable<SqlUuid>, _>(email_id)
    .bind_as::<Nullable<Text>, _>(row.draft.message_id.as_deref())
    .bind_as::<Bool, _>(row.draft.silenced)
    .bind_as::<Nullable<Timestamptz>, _>(read_at)
    .bind_as::<BigInt, _>(row.nseq)
    .bind_as::<Timestamptz, _>(row.expires_at)
    .bind_as::<Jsonb, _>(row.decision)
    .bind_as::<Timestamptz, _>(row.now)
    .bind_as::<BigInt, _>(row.unread)
    .bind_as::<Text, _>(room.as_str())
    .bind_as::<Text, _>(event)
    .bind_as::<Jsonb, _>(row.payload)
    .execute(tx)
    .await?;
    Ok(logged == 1)
}

/// One of the user's notifications, or nothing.
pub async fn find(
    tx: &Tx,
    tenant: &TenantId,
    user: &UserId,
    id: NotificationId,
) -> Result<Option<Notification>, Error> {
    sql(concat!(
        "SELECT ",
        notification_columns!(),
        " FROM notifications WHERE tenant = $1 AND id = $2 AND user_id = $3"
    ))
    .bind_as::<Text, _>(tenant.as_str())
    .bind_as::<SqlUuid, _>(id.0)
    .bind_as::<Text, _>(user.as_str())
    .optional::<Notification>(tx)
    .await
}
