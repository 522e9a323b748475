//! RFC 822 sources, compressed by us.

use postrider_domain::EmailId;
use postrider_storage::types::{Array, BigInt, Bytea, SmallInt, Text, Uuid as SqlUuid};
use postrider_storage::{Error, QueryableByName, Tx, sql};
use uuid::Uuid;

use super::mailboxes::Guard;
use crate::content::source::Source;

/// Keeps the sources of mails; a source never changes, so one that is there stays.
pub async fn insert(tx: &Tx, guard: &Guard, sources: &[(EmailId, &Source)]) -> Result<(), Error> {
    if sources.is_empty() {
        return Ok(());
    }
    sql("INSERT INTO email_sources (tenant, email_id, codec, size_bytes, raw) \
         SELECT $1, n.* FROM unnest($2::uuid[], $3::smallint[], $4::bigint[], $5::bytea[]) AS n \
         ON CONFLICT DO NOTHING")
    .bind_as::<Text, _>(guard.tenant.as_str())
    .bind_as::<Array<SqlUuid>, _>(sources.iter().map(|(id, _)| id.0).collect::<Vec<_>>())
    .bind_as::<Array<SmallInt>, _>(sources.iter().map(|(_, source)| source.codec).collect::<Vec<_>>())
    .bind_as::<Array<BigInt>, _>(sources.iter().map(|(_, source)| source.size_bytes).collect::<Vec<_>>())
    .bind_as::<Array<Bytea>, _>(sources.iter().map(|(_, source)| source.bytes.as_slice()).collect::<Vec<_>>())
    .execute(tx)
    .await?;
    Ok(())
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SmallInt)]
    codec: i16,
    #[diesel(sql_type = BigInt)]
    size_bytes: i64,
    #[diesel(sql_type = Bytea)]
    raw: Vec<u8>,
}

/// The stored source of a mail; none for a mail of which only metadata is known.
pub async fn find(tx: &Tx, email_id: Uuid) -> Result<Option<Source>, Error> {
    let row = sql("SELECT codec, size_bytes, raw FROM email_sources \
         WHERE tenant = nullif(current_setting('postrider.tenant', true), '') AND email_id = $1")
    .bind_as::<SqlUuid, _>(email_id)
    .optional::<Row>(tx)
    .await?;
    Ok(row.map(|row| Source { codec: row.codec, size_bytes: row.size_bytes, bytes: row.raw }))
}
