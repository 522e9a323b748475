//! Stored sources read again: which mailboxes have some that an older reader read, how far each is, and what becomes of the
//! rows.

use postrider_domain::{ConnectorId, EmailId, TenantId, Timestamp};
use postrider_storage::{Error, SystemTx, TenantTx, Value, row, sql};
use uuid::Uuid;

use super::attachments::SliceColumns;
use super::blobs;
use crate::content::Content;
use crate::content::reading::Versions;

row! {
    /// A mailbox in which there is something to read again, and the place that was reached.
    #[derive(Debug, Clone)]
    pub struct Unread {
        pub tenant: TenantId,
        pub connector: ConnectorId,
        pub before: Option<Timestamp>,
        pub after: Option<EmailId>,
        /// Every mail, not only what an older reader read.
        pub all: bool,
    }
}

/// Notes what all mailboxes are to be at. One that is to be at more was marked by a newer worker, and is left to it.
pub async fn mark(tx: &SystemTx, version: Versions) -> Result<(), Error> {
    sql("UPDATE mailboxes SET reread_to = $1 WHERE reread_to < $1").bind(version.as_one()).execute(tx).await?;
    Ok(())
}

/// Mailboxes with something to read again, the one with the least behind it first.
pub async fn list_unread(tx: &SystemTx, version: Versions, limit: usize) -> Result<Vec<Unread>, Error> {
    sql("SELECT tenant, connector_id AS connector, reread_before AS before, reread_after AS after, reread_all AS all \
         FROM mailboxes WHERE read_version < reread_to AND reread_to <= $1 AND NOT erase ORDER BY reread_done LIMIT $2")
    .binds((version.as_one(), super::count(limit)))
    .load(tx)
    .await
}

/// Begins: how many mails there are.
pub async fn begin(tx: &TenantTx, mailbox: &Unread) -> Result<(), Error> {
    sql("UPDATE mailboxes SET reread_done = 0, reread_total = \
           (SELECT count(*) FROM emails WHERE tenant = $1 AND connector_id = $2 AND NOT stub) WHERE connector_id = $2")
    .binds((&mailbox.tenant, mailbox.connector))
    .execute(tx)
    .await?;
    Ok(())
}

row! {
    /// A mail that is looked at.
    #[derive(Debug, Clone, Copy)]
    pub struct Looked {
        pub email_id: EmailId,
        pub received_at: Timestamp,
        /// Of its source; 0 where none is kept.
        pub source_bytes: i64,
        /// An older reader read it.
        pub outdated: bool,
    }
}

/// Some mails behind the place that was reached, newest first.
pub async fn list_mails(
    tx: &TenantTx,
    mailbox: &Unread,
    version: Versions,
    limit: usize,
) -> Result<Vec<Looked>, Error> {
    sql("SELECT e.email_id, e.received_at, coalesce(s.size_bytes, 0) AS source_bytes, \
            ($5 OR e.parser_version < $6 OR coalesce(f.version, 0) < $7) AS outdated \
         FROM emails e LEFT JOIN email_sources s ON s.tenant = e.tenant AND s.email_id = e.email_id \
         LEFT JOIN email_search f ON f.tenant = e.tenant AND f.email_id = e.email_id \
         WHERE e.tenant = $1 AND e.connector_id = $2 AND NOT e.stub \
           AND (e.received_at, e.email_id) < (coalesce($3, 'infinity'::timestamptz), \
             coalesce($4, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)) \
         ORDER BY e.received_at DESC, e.email_id DESC LIMIT $8")
    .binds((&mailbox.tenant, mailbox.connector, mailbox.before, mailbox.after, mailbox.all))
    .binds((version.parser, version.search, super::count(limit)))
    .load(tx)
    .await
}

/// Notes the place that was reached.
pub async fn step(tx: &TenantTx, mailbox: &Unread, last: &Looked, looked: usize) -> Result<(), Error> {
    sql("UPDATE mailboxes SET reread_before = $2, reread_after = $3, reread_done = reread_done + $4 \
         WHERE connector_id = $1")
    .binds((mailbox.connector, last.received_at, last.email_id, super::count(looked)))
    .execute(tx)
    .await?;
    Ok(())
}

/// Everything was looked at. What an older worker stored meanwhile behind the place that was reached is looked at in
/// another round.
pub async fn finish(tx: &TenantTx, mailbox: &Unread, version: Versions) -> Result<(), Error> {
    sql("UPDATE mailboxes SET reread_before = NULL, reread_after = NULL, reread_all = false, \
            reread_total = reread_done, read_version = CASE WHEN EXISTS ( \
              SELECT FROM emails e JOIN email_sources s ON s.tenant = e.tenant AND s.email_id = e.email_id \
              WHERE e.tenant = $2 AND e.connector_id = $1 AND NOT e.stub AND e.parser_version < $3) \
            THEN read_version ELSE $4 END \
         WHERE connector_id = $1")
    .binds((mailbox.connector, &mailbox.tenant, version.parser, version.as_one()))
    .execute(tx)
    .await?;
    Ok(())
}

/// Leaves mails as they are whose source cannot be read; nobody tries again before the next reader.
pub async fn pass(tx: &TenantTx, mails: &[EmailId], version: Versions) -> Result<(), Error> {
    if mails.is_empty() {
        return Ok(());
    }
    sql("UPDATE emails SET parser_version = $2, parse_error = 'source_unreadable' \
         WHERE tenant = nullif(current_setting('postrider.tenant', true), '') AND email_id = ANY ($1)")
    .binds((mails, version.parser))
    .execute(tx)
    .await?;
    Ok(())
}

/// Writes what was read. Labels, dates and what Gmail told stay; `updated_at` moves where a client would see something else.
/// Who writes holds the mailbox's lock. Returns the mails that are still there.
pub async fn rewrite(
    tx: &TenantTx,
    mails: &[(EmailId, Timestamp, Content)],
    now: Timestamp,
) -> Result<Vec<EmailId>, Error> {
    let contents = || mails.iter().map(|(.., content)| content);
    let written: Vec<Value<EmailId>> = sql("UPDATE emails e SET subject = n.subject, sender_name = n.sender_name, \
            sender_email = n.sender_email, sender_key = n.sender_key, recipients = n.recipients::jsonb, \
            headers = n.headers::jsonb, text = n.text, html = n.html, has_attachments = n.has_attachments, \
            size_bytes = n.size_bytes, rfc_message_id = n.rfc_message_id, origin = n.origin, \
            parse_error = n.parse_error, parser_version = n.parser_version, protection = n.protection, \
            invitation = n.invitation::jsonb, \
            updated_at = CASE WHEN (e.subject, e.sender_name, e.sender_email, e.recipients, e.headers, e.text, e.html, \
                e.has_attachments, e.protection, e.invitation) IS NOT DISTINCT FROM (n.subject, n.sender_name, \
                n.sender_email, n.recipients::jsonb, n.headers::jsonb, n.text, n.html, n.has_attachments, n.protection, \
                n.invitation::jsonb) THEN e.updated_at ELSE $1 END \
         FROM {n: email_id uuid, subject text, sender_name text, sender_email text, sender_key text, recipients text, \
            headers text, text text, html text, has_attachments bool, size_bytes bigint, rfc_message_id text, \
            origin text, parse_error text, parser_version smallint, protection text, invitation text} \
         WHERE e.tenant = nullif(current_setting('postrider.tenant', true), '') AND e.email_id = n.email_id \
           AND NOT e.stub RETURNING e.email_id AS value")
    .bind(now)
    .column("email_id", mails.iter().map(|(id, ..)| *id))
    .column("subject", contents().map(|content| &content.subject))
    .column("sender_name", contents().map(|content| &content.sender.name))
    .column("sender_email", contents().map(|content| &content.sender.email))
    .column("sender_key", contents().map(|content| &content.sender_key))
    .column("recipients", contents().map(|content| &content.recipients))
    .column("headers", contents().map(|content| &content.headers))
    .column("text", contents().map(|content| content.text.as_deref()))
    .column("html", contents().map(|content| content.html.as_deref()))
    .column("has_attachments", contents().map(|content| content.has_attachments))
    .column("size_bytes", contents().map(|content| content.size_bytes))
    .column("rfc_message_id", contents().map(|content| &content.rfc_message_id))
    .column("origin", contents().map(|content| &content.origin))
    .column("parse_error", contents().map(|content| content.parse_error.as_deref()))
    .column("parser_version", contents().map(|content| content.parser_version))
    .column("protection", contents().map(|content| content.protection))
    .column("invitation", contents().map(|content| content.invitation.as_deref()))
    .load(tx)
    .await?;
    Ok(written.into_iter().map(|row| row.0).collect())
}

/// Lists what hangs on mails anew: a part that is where one was keeps its id, what is no more goes, and so do kept bytes of
/// which it is not certain that they are the same.
pub async fn replace_parts(
    tx: &TenantTx,
    connector: ConnectorId,
    mails: &[&(EmailId, Timestamp, Content)],
    new_id: impl Fn() -> Uuid,
) -> Result<(), Error> {
    let ids: Vec<EmailId> = mails.iter().map(|(id, ..)| *id).collect();
    let kept: Vec<Value<String>> = sql("SELECT DISTINCT blob_key AS value FROM attachments \
         WHERE tenant = nullif(current_setting('postrider.tenant', true), '') AND email_id = ANY ($1) \
           AND blob_key IS NOT NULL")
    .bind(&ids)
    .load(tx)
    .await?;
    let parts: Vec<_> =
        mails.iter().flat_map(|(id, _, content)| content.attachments.iter().map(|part| (*id, part))).collect();
    sql("DELETE FROM attachments a WHERE a.tenant = nullif(current_setting('postrider.tenant', true), '') \
           AND a.email_id = ANY ($1) AND NOT EXISTS (SELECT FROM {n: email_id uuid, part_id text} \
             WHERE n.email_id = a.email_id AND n.part_id = a.part_id)")
    .bind(&ids)
    .column("email_id", parts.iter().map(|(id, _)| *id))
    .column("part_id", parts.iter().map(|(_, part)| &part.part_id))
    .execute(tx)
    .await?;
    let metas = || parts.iter().map(|(_, part)| *part);
    let slices: Vec<SliceColumns> = metas().map(SliceColumns::of).collect();
    sql(
        "INSERT INTO attachments AS a (tenant, connector_id, attachment_id, email_id, part_id, filename, content_type, \
            size_bytes, content_id, inline, begins_at, ends_at, written, line_digits, line_bytes) \
         SELECT nullif(current_setting('postrider.tenant', true), ''), $1, n.* FROM {n: attachment_id uuid, \
            email_id uuid, part_id text, filename text, content_type text, size_bytes bigint, content_id text, \
            inline bool, begins_at bigint, ends_at bigint, written smallint, line_digits int, line_bytes int} \
         ON CONFLICT ON CONSTRAINT attachments_part DO UPDATE SET filename = excluded.filename, \
            content_type = excluded.content_type, size_bytes = excluded.size_bytes, \
            content_id = excluded.content_id, inline = excluded.inline",
    )
    .bind(connector)
    .column("attachment_id", parts.iter().map(|_| new_id()))
    .column("email_id", parts.iter().map(|(id, _)| *id))
    .column("part_id", metas().map(|part| &part.part_id))
    .column("filename", metas().map(|part| &part.filename))
    .column("content_type", metas().map(|part| &part.content_type))
    .column("size_bytes", metas().map(|part| part.size_bytes))
    .column("content_id", metas().map(|part| &part.content_id))
    .column("inline", metas().map(|part| part.inline))
    .column("begins_at", slices.iter().map(|slice| slice.begin))
    .column("ends_at", slices.iter().map(|slice| slice.end))
    .column("written", slices.iter().map(|slice| slice.written))
    .column("line_digits", slices.iter().map(|slice| slice.digits))
    .column("line_bytes", slices.iter().map(|slice| slice.bytes))
    .execute(tx)
    .await?;
    blobs::drop_unnamed(tx, kept.into_iter().map(|row| row.0).collect()).await
}
