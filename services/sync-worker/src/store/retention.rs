//! Deleted mails that nobody holds on to, and what is left of them: a tombstone, so that an older fetch revives nothing.

use postrider_domain::{ConnectorId, EmailId, TenantId, Timestamp};
use postrider_storage::{Error, SystemTx, TenantTx, Value, row, sql};

use super::removals;

row! {
    /// A mailbox that is looked at.
    #[derive(Debug, Clone)]
    pub struct Kept {
        pub tenant: TenantId,
        pub connector: ConnectorId,
    }
}

/// Mailboxes behind one, in the order of their ids.
pub async fn list_mailboxes(tx: &SystemTx, after: Option<ConnectorId>, limit: usize) -> Result<Vec<Kept>, Error> {
    sql("SELECT tenant, connector_id AS connector FROM mailboxes \
         WHERE NOT erase AND connector_id > coalesce($1, '00000000-0000-0000-0000-000000000000'::uuid) \
         ORDER BY connector_id LIMIT $2")
    .binds((after, super::count(limit)))
    .load(tx)
    .await
}

/// Makes tombstones of some mails that were deleted before, and of drafts that another took the place of. Who calls holds the
/// mailbox. Returns how many.
pub async fn bury(
    tx: &TenantTx,
    mailbox: &Kept,
    before: Timestamp,
    limit: usize,
    now: Timestamp,
) -> Result<usize, Error> {
    // Who is about to hold on to one of them waits for this lock, or this waits for them.
    let doomed: Vec<Value<EmailId>> = sql("SELECT e.email_id AS value FROM emails e \
         WHERE e.tenant = $1 AND e.connector_id = $2 AND e.is_deleted AND NOT e.stub \
           AND (e.deleted_at < $3 OR e.is_draft) \
           AND NOT EXISTS (SELECT FROM email_references r WHERE r.tenant = e.tenant AND r.email_id = e.email_id) \
         ORDER BY e.deleted_at LIMIT $4 FOR UPDATE OF e SKIP LOCKED")
    .binds((&mailbox.tenant, mailbox.connector, before, super::count(limit)))
    .load(tx)
    .await?;
    let doomed: Vec<EmailId> = doomed.into_iter().map(|row| row.0).collect();
    if doomed.is_empty() {
        return Ok(0);
    }
    let buried: Vec<Value<EmailId>> = sql("UPDATE emails e SET stub = true, subject = '', sender_name = '', \
            sender_email = '', sender_key = '', recipients = '{}', headers = '[]', snippet = '', text = NULL, html = NULL, \
            label_ids = '{}', folder = 'All Mail', unread = false, is_draft = false, is_spam = false, is_trash = false, \
            has_attachments = false, size_bytes = 0, rfc_message_id = '', origin = '', parse_error = NULL, \
            parser_version = 0, protection = NULL, invitation = NULL, received_at = e.deleted_at, updated_at = $3 \
         WHERE e.tenant = $1 AND e.email_id = ANY ($2) \
           AND NOT EXISTS (SELECT FROM email_references r WHERE r.tenant = e.tenant AND r.email_id = e.email_id) \
         RETURNING e.email_id AS value")
    .binds((&mailbox.tenant, &doomed, now))
    .load(tx)
    .await?;
    let buried: Vec<EmailId> = buried.into_iter().map(|row| row.0).collect();
    removals::remove_content(tx, &buried).await?;
    Ok(doomed.len())
}
