//! Metadata of attachments.

use postrider_domain::EmailId;
use postrider_storage::types::{Array, BigInt, Bool, Text, Uuid as SqlUuid};
use postrider_storage::{Error, Tx, sql};
use uuid::Uuid;

use super::mailboxes::Guard;
use crate::content::AttachmentMeta;

/// Lists what hangs on mails; parts that are listed already stay.
pub async fn insert(tx: &Tx, guard: &Guard, parts: &[(Uuid, EmailId, &AttachmentMeta)]) -> Result<(), Error> {
    if parts.is_empty() {
        return Ok(());
    }
    sql("INSERT INTO attachments (tenant, connector_id, attachment_id, email_id, part_id, filename, content_type, \
            size_bytes, content_id, inline) \
         SELECT $1, $2, n.* FROM unnest($3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::text[], $8::bigint[], \
            $9::text[], $10::bool[]) AS n ON CONFLICT DO NOTHING")
    .bind_as::<Text, _>(guard.tenant.as_str())
    .bind_as::<SqlUuid, _>(guard.connector.0)
    .bind_as::<Array<SqlUuid>, _>(parts.iter().map(|(id, ..)| *id).collect::<Vec<_>>())
    .bind_as::<Array<SqlUuid>, _>(parts.iter().map(|(_, email, _)| email.0).collect::<Vec<_>>())
    .bind_as::<Array<Text>, _>(parts.iter().map(|(.., part)| part.part_id.as_str()).collect::<Vec<_>>())
    .bind_as::<Array<Text>, _>(parts.iter().map(|(.., part)| part.filename.as_str()).collect::<Vec<_>>())
    .bind_as::<Array<Text>, _>(parts.iter().map(|(.., part)| part.content_type.as_str()).collect::<Vec<_>>())
    .bind_as::<Array<BigInt>, _>(parts.iter().map(|(.., part)| part.size_bytes).collect::<Vec<_>>())
    .bind_as::<Array<Text>, _>(parts.iter().map(|(.., part)| part.content_id.as_str()).collect::<Vec<_>>())
    .bind_as::<Array<Bool>, _>(parts.iter().map(|(.., part)| part.inline).collect::<Vec<_>>())
    .execute(tx)
    .await?;
    Ok(())
}
