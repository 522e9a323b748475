//! `attachments`: metadata of what hangs on mails.

use postrider_domain::{EmailId, words};
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
    sql("SELECT attachment_id, filename, content_type, size_bytes, content_id, inline, state FROM attachments \
         WHERE tenant = nullif(current_setting('postrider.tenant', true), '') AND email_id = $1 ORDER BY part_id")
    .bind(email)
    .load(tx)
    .await
}
