//! What hangs on mails, as a reader found it: listed once, and anew where the mail is read again.

use postrider_domain::{ConnectorId, EmailId};
use postrider_mail::Written;
use postrider_storage::{Error, Statement, TenantTx, Value, sql};
use uuid::Uuid;

use super::{AS_IT_IS, BASE64};
use crate::content::AttachmentMeta;
use crate::store::blobs;
use crate::store::mailboxes::Guard;

/// The columns of a slice.
struct SliceColumns {
    begin: Option<i64>,
    end: Option<i64>,
    written: Option<i16>,
    digits: Option<i32>,
    bytes: Option<i32>,
}

impl SliceColumns {
    fn of(part: &AttachmentMeta) -> Self {
        let number = |place: u64| i64::try_from(place).ok();
        let line = |number: u32| i32::try_from(number).unwrap_or(i32::MAX - 3);
        let lines = match part.slice.map(|slice| slice.written) {
            Some(Written::Base64(lines)) => lines,
            Some(Written::AsItIs) | None => None,
        };
        Self {
            begin: part.slice.and_then(|slice| number(slice.begin)),
            end: part.slice.and_then(|slice| number(slice.end)),
            written: part.slice.map(|slice| if slice.written == Written::AsItIs { AS_IT_IS } else { BASE64 }),
            digits: lines.map(|lines| line(lines.digits)),
            bytes: lines.map(|lines| line(lines.bytes)),
        }
    }
}

/// Puts parts into the list: what becomes of those that are in it follows.
macro_rules! insert_parts {
    () => {
        "INSERT INTO attachments AS a (tenant, connector_id, attachment_id, email_id, part_id, filename, content_type, \
            size_bytes, content_id, inline, begins_at, ends_at, written, line_digits, line_bytes) \
         SELECT nullif(current_setting('postrider.tenant', true), ''), $1, n.* FROM {n: attachment_id uuid, \
            email_id uuid, part_id text, filename text, content_type text, size_bytes bigint, content_id text, \
            inline bool, begins_at bigint, ends_at bigint, written smallint, line_digits int, line_bytes int} "
    };
}

/// Binds the columns of [`insert_parts`].
fn with_parts<'a>(statement: Statement<'a>, parts: &'a [(Uuid, EmailId, &'a AttachmentMeta)]) -> Statement<'a> {
    let metas = || parts.iter().map(|(.., meta)| *meta);
    let slices: Vec<SliceColumns> = metas().map(SliceColumns::of).collect();
    statement
        .column("attachment_id", parts.iter().map(|(id, ..)| *id))
        .column("email_id", parts.iter().map(|(_, email, _)| *email))
        .column("part_id", metas().map(|meta| &meta.part_id))
        .column("filename", metas().map(|meta| &meta.filename))
        .column("content_type", metas().map(|meta| &meta.content_type))
        .column("size_bytes", metas().map(|meta| meta.size_bytes))
        .column("content_id", metas().map(|meta| &meta.content_id))
        .column("inline", metas().map(|meta| meta.inline))
        .column("begins_at", slices.iter().map(|slice| slice.begin))
        .column("ends_at", slices.iter().map(|slice| slice.end))
        .column("written", slices.iter().map(|slice| slice.written))
        .column("line_digits", slices.iter().map(|slice| slice.digits))
        .column("line_bytes", slices.iter().map(|slice| slice.bytes))
}

/// Lists what hangs on mails; parts that are listed already stay.
pub async fn insert(tx: &TenantTx, guard: &Guard, parts: &[(Uuid, EmailId, &AttachmentMeta)]) -> Result<(), Error> {
    if parts.is_empty() {
        return Ok(());
    }
    let insert = sql(concat!(insert_parts!(), "ON CONFLICT DO NOTHING")).bind(guard.connector);
    with_parts(insert, parts).execute(tx).await?;
    Ok(())
}

/// Whether a part that is listed anew has the bytes it had: it stands where it stood, in a source that never changes.
macro_rules! stands_still {
    () => {
        "coalesce((a.begins_at, a.ends_at, a.written, a.size_bytes) = \
           (excluded.begins_at, excluded.ends_at, excluded.written, excluded.size_bytes), false)"
    };
}

/// Lists what hangs on mails as it is read now: a part that is where one was keeps its id, what is no more goes, and so do
/// kept bytes of which it is not certain that they are the same.
pub async fn replace(
    tx: &TenantTx,
    connector: ConnectorId,
    emails: &[EmailId],
    parts: &[(Uuid, EmailId, &AttachmentMeta)],
) -> Result<(), Error> {
    let kept: Vec<Value<String>> = sql("SELECT DISTINCT blob_key AS value FROM attachments \
         WHERE tenant = nullif(current_setting('postrider.tenant', true), '') AND email_id = ANY ($1) \
           AND blob_key IS NOT NULL")
    .bind(emails)
    .load(tx)
    .await?;
    sql("DELETE FROM attachments a WHERE a.tenant = nullif(current_setting('postrider.tenant', true), '') \
           AND a.email_id = ANY ($1) AND NOT EXISTS (SELECT FROM {n: email_id uuid, part_id text} \
             WHERE n.email_id = a.email_id AND n.part_id = a.part_id)")
    .bind(emails)
    .column("email_id", parts.iter().map(|(_, email, _)| *email))
    .column("part_id", parts.iter().map(|(.., part)| &part.part_id))
    .execute(tx)
    .await?;
    let renew = sql(concat!(
        insert_parts!(),
        "ON CONFLICT ON CONSTRAINT attachments_part DO UPDATE SET filename = excluded.filename, \
            content_type = excluded.content_type, size_bytes = excluded.size_bytes, content_id = excluded.content_id, \
            inline = excluded.inline, begins_at = excluded.begins_at, ends_at = excluded.ends_at, \
            written = excluded.written, line_digits = excluded.line_digits, line_bytes = excluded.line_bytes, \
            blob_key = CASE WHEN ",
        stands_still!(),
        " THEN a.blob_key END, state = CASE WHEN ",
        stands_still!(),
        " THEN a.state ELSE 'listed' END, state_reason = CASE WHEN ",
        stands_still!(),
        " THEN a.state_reason ELSE '' END"
    ))
    .bind(connector);
    with_parts(renew, parts).execute(tx).await?;
    blobs::drop_unnamed(tx, kept.into_iter().map(|row| row.0).collect()).await
}
