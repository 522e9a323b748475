//! `email_sources` and `source_chunks`: RFC 822 sources, compressed by us, large ones in pieces or as blobs.

use postrider_domain::{ConnectorId, EmailId, TenantId};
use postrider_storage::types::{Bytea, SmallInt};
use postrider_storage::{Error, NamedRow, Pg, QueryableByName, RowResult, SystemTx, TenantTx, Value, row, sql};

use super::mailboxes::Guard;
use crate::content::source::{Chunk, Source};

/// Chunks in one statement: each is copied on its way.
const AT_ONCE: usize = 4;

/// Keeps the sources of mails; a source never changes, so one that is there stays.
pub async fn insert(tx: &TenantTx, guard: &Guard, sources: &[(EmailId, &Source)]) -> Result<(), Error> {
    if sources.is_empty() {
        return Ok(());
    }
    let new: Vec<Value<EmailId>> = sql("INSERT INTO email_sources (tenant, email_id, codec, size_bytes, raw) \
         SELECT $1, n.* FROM {n: email_id uuid, codec smallint, size_bytes bigint, raw bytea} \
         ON CONFLICT DO NOTHING RETURNING email_id AS value")
    .bind(&guard.tenant)
    .column("email_id", sources.iter().map(|(id, _)| *id))
    .column("codec", sources.iter().map(|(_, source)| source.codec))
    .column("size_bytes", sources.iter().map(|(_, source)| source.size_bytes))
    .column("raw", sources.iter().map(|(_, source)| source.bytes.as_slice()))
    .load(tx)
    .await?;
    // One that was there may lie elsewhere by now: nobody would look at its chunks, or remove them.
    for (email, source) in sources.iter().filter(|(id, _)| new.iter().any(|row| row.0 == *id)) {
        insert_chunks(tx, *email, &source.chunks).await?;
    }
    Ok(())
}

async fn insert_chunks(tx: &TenantTx, email: EmailId, chunks: &[Chunk]) -> Result<(), Error> {
    for (lot, chunks) in chunks.chunks(AT_ONCE).enumerate() {
        let first = lot * AT_ONCE;
        sql("INSERT INTO source_chunks (tenant, email_id, number, codec, bytes) \
             SELECT nullif(current_setting('postrider.tenant', true), ''), $1, n.* \
             FROM {n: number int, codec smallint, bytes bytea} ON CONFLICT DO NOTHING")
        .bind(email)
        .column("number", (first..).take(chunks.len()).map(number))
        .column("codec", chunks.iter().map(|chunk| chunk.codec))
        .column("bytes", chunks.iter().map(|chunk| chunk.bytes.as_slice()))
        .execute(tx)
        .await?;
    }
    Ok(())
}

/// A number of a chunk, or of a byte in it, as Postgres has it.
pub(super) fn number(chunk: usize) -> i32 {
    i32::try_from(chunk).unwrap_or(i32::MAX)
}

/// Keeps a source in chunks that was kept in one lump.
pub async fn divide(tx: &TenantTx, email: EmailId, source: &Source) -> Result<(), Error> {
    let kept = sql("UPDATE email_sources SET codec = $2, raw = '' \
         WHERE tenant = nullif(current_setting('postrider.tenant', true), '') AND email_id = $1 AND codec < $2")
    .binds((email, source.codec))
    .execute(tx)
    .await?;
    if kept > 0 { insert_chunks(tx, email, &source.chunks).await } else { Ok(()) }
}

impl QueryableByName<Pg> for Chunk {
    fn build<'a>(row: &impl NamedRow<'a, Pg>) -> RowResult<Self> {
        Ok(Self { codec: NamedRow::get::<SmallInt, _>(row, "codec")?, bytes: NamedRow::get::<Bytea, _>(row, "bytes")? })
    }
}

row! {
    /// How a source is kept.
    #[derive(Debug, Clone)]
    pub struct Kept {
        pub size_bytes: i64,
        pub codec: i16,
        /// Where it is small and kept here.
        pub bytes: Option<Vec<u8>>,
        /// Where it is a blob.
        pub blob_key: Option<String>,
    }
}

/// How the source of a mail is kept, and a small one itself; none for a mail of which only metadata is known.
pub async fn find(tx: &TenantTx, email: EmailId) -> Result<Option<Kept>, Error> {
    sql("SELECT size_bytes, codec, CASE WHEN codec < 2 AND size_bytes <= 1048576 THEN raw END AS bytes, blob_key \
         FROM email_sources WHERE tenant = nullif(current_setting('postrider.tenant', true), '') AND email_id = $1")
    .bind(email)
    .optional(tx)
    .await
}

/// A source that is kept in one lump, as they were before there were chunks.
pub async fn find_lump(tx: &TenantTx, email: EmailId) -> Result<Option<Chunk>, Error> {
    sql("SELECT codec, raw AS bytes FROM email_sources \
         WHERE tenant = nullif(current_setting('postrider.tenant', true), '') AND email_id = $1 AND codec < 2")
    .bind(email)
    .optional(tx)
    .await
}

/// Some stored bytes of one chunk of a source, counted from 0.
pub async fn find_chunk(
    tx: &TenantTx,
    email: EmailId,
    chunk: usize,
    from: usize,
    most: usize,
) -> Result<Option<Chunk>, Error> {
    sql("SELECT codec, substring(bytes FROM $3 + 1 FOR $4) AS bytes FROM source_chunks \
         WHERE tenant = nullif(current_setting('postrider.tenant', true), '') AND email_id = $1 AND number = $2")
    .binds((email, number(chunk), number(from), number(most)))
    .optional(tx)
    .await
}

/// Tenants behind one, in the order of their names.
pub async fn list_tenants(tx: &SystemTx, after: Option<&TenantId>, limit: usize) -> Result<Vec<TenantId>, Error> {
    let rows = sql("SELECT DISTINCT tenant AS value FROM mailboxes WHERE NOT erase AND tenant > coalesce($1, '') \
         ORDER BY tenant LIMIT $2")
    .binds((after, super::count(limit)))
    .load::<Value<TenantId>>(tx)
    .await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

row! {
    /// A source in chunks.
    #[derive(Debug, Clone, Copy)]
    pub struct Chunked {
        pub email_id: EmailId,
        pub connector_id: ConnectorId,
    }
}

/// Some of the tenant's sources in chunks, behind one.
pub async fn list_chunked(
    tx: &TenantTx,
    tenant: &TenantId,
    after: Option<EmailId>,
    limit: usize,
) -> Result<Vec<Chunked>, Error> {
    sql("SELECT s.email_id, e.connector_id FROM email_sources s \
         JOIN emails e ON e.tenant = s.tenant AND e.email_id = s.email_id \
         WHERE s.tenant = $1 AND s.codec = 2 \
           AND s.email_id > coalesce($2, '00000000-0000-0000-0000-000000000000'::uuid) ORDER BY s.email_id LIMIT $3")
    .binds((tenant, after, super::count(limit)))
    .load(tx)
    .await
}

/// A source in chunks becomes a blob. `false`: it is not in chunks any more.
pub async fn settle(tx: &TenantTx, email: EmailId, key: &str) -> Result<bool, Error> {
    let settled = sql("UPDATE email_sources SET codec = 3, blob_key = $2 \
         WHERE tenant = nullif(current_setting('postrider.tenant', true), '') AND email_id = $1 AND codec = 2")
    .binds((email, key))
    .execute(tx)
    .await?;
    if settled == 0 {
        return Ok(false);
    }
    sql("DELETE FROM source_chunks \
         WHERE tenant = nullif(current_setting('postrider.tenant', true), '') AND email_id = $1")
    .bind(email)
    .execute(tx)
    .await?;
    Ok(true)
}
