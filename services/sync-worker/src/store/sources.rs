//! RFC 822 sources, compressed by us.

use domain::EmailId;
use storage::types::{Array, BigInt, Bytea, SmallInt, Text, Uuid as SqlUuid};
use storage::{Error, Tx, sql};

use super::mailboxes::Guard;
use crate::engine::content::Source;

/// Keeps the sources of mails; a source never changes, so one that is there stays.
pub async fn insert(tx: &Tx, guard: &Guard, sources: &[(EmailId, &Source)]) -> Result<(), Error> {
    if sources.is_empty() {
        return Ok(());
    }
    sql("INSERT INTO email_sources (tenant, email_id, codec, size_bytes, raw) \
         SELECT $1, n.* FROM unnest($2::uuid[], $3::smallint[], $4::bigint[], $5::bytea[]) AS n \
         ON CONFLICT DO NOTHING")
    .bind::<Text, _>(guard.tenant.as_str())
    .bind::<Array<SqlUuid>, _>(sources.iter().map(|(id, _)| id.0).collect::<Vec<_>>())
    .bind::<Array<SmallInt>, _>(sources.iter().map(|(_, source)| source.codec).collect::<Vec<_>>())
    .bind::<Array<BigInt>, _>(sources.iter().map(|(_, source)| source.size_bytes).collect::<Vec<_>>())
    .bind::<Array<Bytea>, _>(sources.iter().map(|(_, source)| source.bytes.as_slice()).collect::<Vec<_>>())
    .execute(tx)
    .await?;
    Ok(())
}
