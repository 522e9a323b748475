//! `attachments`: metadata of what hangs on mails.

use postrider_domain::{ConnectorId, EmailId, Timestamp, UserId, words};
use postrider_storage::{Error, TenantTx, row, sql};
use uuid::Uuid;

use super::mailboxes::Guard;
use crate::content::AttachmentMeta;

words! {
    /// Where an attachment's bytes are.
    pub enum AttachmentState {
        /// With Gmail only.
        Listed = "listed",
        Stored = "stored",
        /// Larger than its owner wants it kept.
        Skipped = "skipped",
        Failed = "failed",
    }
}

row! {
    /// An attachment's metadata.
    #[derive(Debug)]
    pub struct Attachment {
        pub attachment_id: Uuid,
        pub filename: String,
        pub content_type: String,
        pub size_bytes: i64,
        pub content_id: String,
        pub inline: bool,
        pub state: AttachmentState,
        /// Its place in the MIME tree.
        pub part_id: String,
    }

    /// An attachment, and where its bytes are.
    #[derive(Debug)]
    pub struct Part {
        pub connector_id: ConnectorId,
        pub owner: UserId,
        /// Its place in the MIME tree.
        pub part_id: String,
        pub filename: String,
        pub content_type: String,
        pub size_bytes: i64,
        /// Size of the whole mail.
        pub source_bytes: i64,
        pub downloaded_at: Option<Timestamp>,
    }
}

/// Lists what hangs on mails; parts that are listed already stay.
pub async fn insert(tx: &TenantTx, guard: &Guard, parts: &[(Uuid, EmailId, &AttachmentMeta)]) -> Result<(), Error> {
    if parts.is_empty() {
        return Ok(());
    }
    let metas = || parts.iter().map(|(.., meta)| *meta);
    sql("INSERT INTO attachments (tenant, connector_id, attachment_id, email_id, part_id, filename, content_type, \
            size_bytes, content_id, inline) \
         SELECT $1, $2, n.* FROM {n: attachment_id uuid, email_id uuid, part_id text, filename text, \
            content_type text, size_bytes bigint, content_id text, inline bool} ON CONFLICT DO NOTHING")
    .binds((&guard.tenant, guard.connector))
    .column("attachment_id", parts.iter().map(|(id, ..)| *id))
    .column("email_id", parts.iter().map(|(_, email, _)| *email))
    .column("part_id", metas().map(|meta| &meta.part_id))
    .column("filename", metas().map(|meta| &meta.filename))
    .column("content_type", metas().map(|meta| &meta.content_type))
    .column("size_bytes", metas().map(|meta| meta.size_bytes))
    .column("content_id", metas().map(|meta| &meta.content_id))
    .column("inline", metas().map(|meta| meta.inline))
    .execute(tx)
    .await?;
    Ok(())
}

/// Attachments of a mail in the order of its MIME tree.
pub async fn list(tx: &TenantTx, email: EmailId) -> Result<Vec<Attachment>, Error> {
    sql(
        "SELECT attachment_id, filename, content_type, size_bytes, content_id, inline, state, part_id FROM attachments \
         WHERE tenant = nullif(current_setting('postrider.tenant', true), '') AND email_id = $1 ORDER BY part_id",
    )
    .bind(email)
    .load(tx)
    .await
}

/// One attachment of a mail of the given accounts.
pub async fn find(
    tx: &TenantTx,
    accounts: &[ConnectorId],
    email: EmailId,
    attachment: Uuid,
) -> Result<Option<Part>, Error> {
    sql("SELECT a.connector_id, m.owner, a.part_id, a.filename, a.content_type, a.size_bytes, \
            e.size_bytes AS source_bytes, a.downloaded_at \
         FROM attachments a JOIN emails e ON e.tenant = a.tenant AND e.email_id = a.email_id \
         JOIN mailboxes m ON m.connector_id = a.connector_id \
         WHERE a.tenant = nullif(current_setting('postrider.tenant', true), '') AND a.attachment_id = $1 \
           AND a.email_id = $2 AND a.connector_id = ANY ($3) AND NOT e.stub")
    .binds((attachment, email, accounts))
    .optional(tx)
    .await
}

/// Somebody took all of an attachment. Returns it if that is the first time.
pub async fn mark_downloaded(
    tx: &TenantTx,
    email: EmailId,
    attachment: Uuid,
    now: Timestamp,
) -> Result<Option<Part>, Error> {
    sql("UPDATE attachments a SET downloaded_at = $3 FROM mailboxes m \
         WHERE a.tenant = nullif(current_setting('postrider.tenant', true), '') AND a.attachment_id = $1 \
           AND a.email_id = $2 AND a.downloaded_at IS NULL AND m.connector_id = a.connector_id \
         RETURNING a.connector_id, m.owner, a.part_id, a.filename, a.content_type, a.size_bytes, \
            a.size_bytes AS source_bytes, a.downloaded_at")
    .binds((attachment, email, now))
    .optional(tx)
    .await
}
