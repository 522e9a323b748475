//! `email_sources` and `source_chunks`: RFC 822 sources, compressed by us, large ones in pieces.

use postrider_domain::EmailId;
use postrider_storage::types::{BigInt, Bytea, SmallInt};
use postrider_storage::{Error, NamedRow, Pg, QueryableByName, RowResult, TenantTx, row, sql};

use super::mailboxes::Guard;
use crate::content::source::{Chunk, Source};

/// Chunks in one statement: each is copied on its way.
const AT_ONCE: usize = 4;

/// Keeps the sources of mails; a source never changes, so one that is there stays.
pub async fn insert(tx: &TenantTx, guard: &Guard, sources: &[(EmailId, &Source)]) -> Result<(), Error> {
    if sources.is_empty() {
        return Ok(());
    }
    sql("INSERT INTO email_sources (tenant, email_id, codec, size_bytes, raw) \
         SELECT $1, n.* FROM {n: email_id uuid, codec smallint, size_bytes bigint, raw bytea} \
         ON CONFLICT DO NOTHING")
    .bind(&guard.tenant)
    .column("email_id", sources.iter().map(|(id, _)| *id))
    .column("codec", sources.iter().map(|(_, source)| source.codec))
    .column("size_bytes", sources.iter().map(|(_, source)| source.size_bytes))
    .column("raw", sources.iter().map(|(_, source)| source.bytes.as_slice()))
    .execute(tx)
    .await?;
    for (email, source) in sources {
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
         WHERE tenant = nullif(current_setting('postrider.tenant', true), '') AND email_id = $1 AND codec <> $2")
    .binds((email, source.codec))
    .execute(tx)
    .await?;
    if kept > 0 { insert_chunks(tx, email, &source.chunks).await } else { Ok(()) }
}

impl QueryableByName<Pg> for Source {
    fn build<'a>(row: &impl NamedRow<'a, Pg>) -> RowResult<Self> {
        Ok(Self {
            codec: NamedRow::get::<SmallInt, _>(row, "codec")?,
            size_bytes: NamedRow::get::<BigInt, _>(row, "size_bytes")?,
            bytes: NamedRow::get::<Bytea, _>(row, "raw")?,
            chunks: Vec::new(),
        })
    }
}

impl QueryableByName<Pg> for Chunk {
    fn build<'a>(row: &impl NamedRow<'a, Pg>) -> RowResult<Self> {
        Ok(Self { codec: NamedRow::get::<SmallInt, _>(row, "codec")?, bytes: NamedRow::get::<Bytea, _>(row, "bytes")? })
    }
}

/// The stored source of a mail, all of it; none for a mail of which only metadata is known.
pub async fn find(tx: &TenantTx, email: EmailId) -> Result<Option<Source>, Error> {
    let source = sql("SELECT codec, size_bytes, raw FROM email_sources \
         WHERE tenant = nullif(current_setting('postrider.tenant', true), '') AND email_id = $1")
    .bind(email)
    .optional::<Source>(tx)
    .await?;
    let Some(mut source) = source else { return Ok(None) };
    if source.is_chunked() {
        source.chunks = sql("SELECT codec, bytes FROM source_chunks \
             WHERE tenant = nullif(current_setting('postrider.tenant', true), '') AND email_id = $1 ORDER BY number")
        .bind(email)
        .load(tx)
        .await?;
    }
    Ok(Some(source))
}

row! {
    /// How a source is kept.
    #[derive(Debug, Clone, Copy)]
    pub struct Kept {
        pub size_bytes: i64,
        /// It can be read chunk by chunk.
        pub chunked: bool,
    }
}

/// How the source of a mail is kept, without its bytes.
pub async fn find_kept(tx: &TenantTx, email: EmailId) -> Result<Option<Kept>, Error> {
    sql("SELECT size_bytes, codec = 2 AS chunked FROM email_sources \
         WHERE tenant = nullif(current_setting('postrider.tenant', true), '') AND email_id = $1")
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
