//! Stored sources read again: which mailboxes have some that an older reader read, how far each is, and what becomes of the
//! rows.

use postrider_domain::{ConnectorId, EmailId, TenantId, Timestamp};
use postrider_storage::{Error, SystemTx, TenantTx, Value, row, sql};

use super::emails::content::{content_from, content_types, content_values, with_contents};
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
    let rewrite = sql(concat!(
        "UPDATE emails e SET ",
        content_from!("n"),
        ", updated_at = CASE WHEN (e.subject, e.sender_name, e.sender_email, e.recipients, e.headers, e.text, e.html, \
                e.has_attachments, e.protection, e.invitation) IS NOT DISTINCT FROM (n.subject, n.sender_name, \
                n.sender_email, n.recipients, n.headers, n.text, n.html, n.has_attachments, n.protection, n.invitation) \
            THEN e.updated_at ELSE $1 END \
         FROM (SELECT n.email_id, ",
        content_values!(),
        " FROM {n: email_id uuid, ",
        content_types!(),
        "}) n WHERE e.tenant = nullif(current_setting('postrider.tenant', true), '') AND e.email_id = n.email_id \
           AND NOT e.stub RETURNING e.email_id AS value"
    ))
    .bind(now);
    let contents = mails.iter().map(|(.., content)| content);
    let rewrite = with_contents(rewrite, contents).column("email_id", mails.iter().map(|(id, ..)| *id));
    let written: Vec<Value<EmailId>> = rewrite.load(tx).await?;
    Ok(written.into_iter().map(|row| row.0).collect())
}
