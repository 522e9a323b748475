//! `email_sources`: RFC 822 sources, compressed by us.

use postrider_domain::EmailId;
use postrider_storage::types::{BigInt, Bytea, SmallInt};
use postrider_storage::{Error, NamedRow, Pg, QueryableByName, RowResult, TenantTx, sql};

use super::mailboxes::Guard;
use crate::content::source::Source;

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
    Ok(())
}

impl QueryableByName<Pg> for Source {
    fn build<'a>(row: &impl NamedRow<'a, Pg>) -> RowResult<Self> {
        Ok(Self {
            codec: NamedRow::get::<SmallInt, _>(row, "codec")?,
            size_bytes: NamedRow::get::<BigInt, _>(row, "size_bytes")?,
            bytes: NamedRow::get::<Bytea, _>(row, "raw")?,
        })
    }
}

/// The stored source of a mail; none for a mail of which only metadata is known.
pub async fn find(tx: &TenantTx, email: EmailId) -> Result<Option<Source>, Error> {
    sql("SELECT codec, size_bytes, raw FROM email_sources \
         WHERE tenant = nullif(current_setting('postrider.tenant', true), '') AND email_id = $1")
    .bind(email)
    .optional(tx)
    .await
}
