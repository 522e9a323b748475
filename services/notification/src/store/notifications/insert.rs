//! Writing a notification, with its log entry.

use postrider_domain::{ConnectorId, NotificationId, TenantId, Timestamp, UserId};
use postrider_storage::{Error, TenantTx, sql};
use serde_json::Value;
use uuid::Uuid;

use crate::rules::Draft;
use crate::store::log::Entry;

/// A draft with everything the row needs.
pub struct NewNotification<'a> {
    pub id: NotificationId,
    pub tenant: &'a TenantId,
    pub user: &'a UserId,
    pub account: Option<ConnectorId>,
    pub draft: &'a Draft,
    pub decision: Value,
    pub now: Timestamp,
    pub expires_at: Timestamp,
    /// What sockets are told if it is new, with the number and unread count it takes.
    pub entry: &'a Entry,
}

/// Writes row, head and log entry in one statement, all or none. Returns false if the notification was there already
/// (then no number is used). The user's row must be locked.
pub async fn insert(tx: &TenantTx, new: NewNotification<'_>) -> Result<bool, Error> {
    let NewNotification { draft, entry, now, .. } = new;
    let email_id = draft.email_id.as_deref().and_then(|id| id.parse::<Uuid>().ok());
    let (is_read, read_at) = (draft.silenced.is_some(), draft.silenced.map(|_reason| now));
    let held_until = draft.held_until();
    let logged = sql(
        "WITH born AS ( \
             INSERT INTO notifications (tenant, id, user_id, account_id, type, business_key, title, message, \
                 sender_email, sender_name, folder, data, email_id, message_id, is_read, read_at, created_nseq, nseq, \
                 expires_at, decision, created_at, updated_at, held_until, feed_seq, in_digests, also) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $17, $18, $19, $20, $20, $25, $27, $28, $29) \
             ON CONFLICT ON CONSTRAINT notifications_once DO NOTHING RETURNING id), \
         head AS ( \
             UPDATE users u SET nseq = $17, unread = $21, updated_at = $20 FROM born \
             WHERE u.tenant = $1 AND u.user_id = $3 RETURNING born.id) \
         INSERT INTO user_log (tenant, user_id, nseq, kind, room, event, payload, notification_id, account_id, unread, \
             created_at, silent) \
         SELECT $1, $3, $17, 'created', $22, $23, $24, head.id, $4, $21, $20, $26 FROM head",
    )
    .binds((new.tenant, new.id, new.user, new.account, draft.kind, &draft.business_key, &draft.title, &draft.message))
    .binds((draft.sender_email.as_deref(), draft.sender_name.as_deref(), draft.folder.as_deref(), &draft.data))
    .binds((email_id, draft.message_id.as_deref(), is_read, read_at, entry.nseq, new.expires_at, new.decision, now))
    .binds((entry.unread, entry.room, &entry.event, &entry.payload, held_until, entry.silent, draft.feed_seq))
    .binds((draft.is_for_digests(), &draft.also))
    .execute(tx)
    .await?;
    Ok(logged == 1)
}
