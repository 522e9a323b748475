//! `blobs` and `blob_chunks`: kept bytes of attachments and of sources, by the hash of their content; one row however many
//! mails name it.

use postrider_domain::{EmailId, TenantId, Timestamp};
use postrider_storage::{Error, SystemTx, TenantTx, Value, row, sql};

use super::sources::number;
use crate::content::source::{Chunk, Source};

/// The codec of what lies in the object store.
const OBJECT: i16 = 3;

/// What is kept of a blob in its row.
#[derive(Debug, Clone, Copy)]
pub enum Body<'a> {
    /// Its bytes, or none and chunks.
    Here(&'a Source),
    /// The name of its object.
    Object(&'a str),
}

/// Keeps a blob, and holds it until the transaction ends. Returns whether it was not there.
pub async fn put(tx: &TenantTx, key: &str, size_bytes: i64, body: Body<'_>) -> Result<bool, Error> {
    let (codec, bytes, chunks, object) = match body {
        Body::Here(source) => (source.codec, source.bytes.as_slice(), source.chunks.as_slice(), None),
        Body::Object(name) => (OBJECT, &[][..], &[][..], Some(name)),
    };
    // The update waits for whoever is about to remove it, and is no change.
    let Value(new) = sql("INSERT INTO blobs AS b (tenant, blob_key, codec, size_bytes, bytes, object) \
         VALUES (nullif(current_setting('postrider.tenant', true), ''), $1, $2, $3, $4, $5) \
         ON CONFLICT (tenant, blob_key) DO UPDATE SET created_at = b.created_at RETURNING b.xmax = 0 AS value")
    .binds((key, codec, size_bytes, bytes, object))
    .get_result::<Value<bool>>(tx)
    .await?;
    if new {
        for (at, chunk) in chunks.iter().enumerate() {
            sql("INSERT INTO blob_chunks (tenant, blob_key, number, codec, bytes) \
                 VALUES (nullif(current_setting('postrider.tenant', true), ''), $1, $2, $3, $4)")
            .binds((key, number(at), chunk.codec, chunk.bytes.as_slice()))
            .execute(tx)
            .await?;
        }
    }
    Ok(new)
}

row! {
    /// How a blob is kept.
    #[derive(Debug, Clone)]
    pub struct Kept {
        pub size_bytes: i64,
        pub codec: i16,
        /// Empty where there are chunks or an object.
        pub bytes: Vec<u8>,
        pub object: Option<String>,
    }
}

/// A blob, without its chunks.
pub async fn find(tx: &TenantTx, key: &str) -> Result<Option<Kept>, Error> {
    sql("SELECT size_bytes, codec, bytes, object FROM blobs \
         WHERE tenant = nullif(current_setting('postrider.tenant', true), '') AND blob_key = $1")
    .bind(key)
    .optional(tx)
    .await
}

/// Some stored bytes of one chunk of a blob, counted from 0.
pub async fn find_chunk(
    tx: &TenantTx,
    key: &str,
    chunk: usize,
    from: usize,
    most: usize,
) -> Result<Option<Chunk>, Error> {
    sql("SELECT codec, substring(bytes FROM $3 + 1 FOR $4) AS bytes FROM blob_chunks \
         WHERE tenant = nullif(current_setting('postrider.tenant', true), '') AND blob_key = $1 AND number = $2")
    .binds((key, number(chunk), number(from), number(most)))
    .optional(tx)
    .await
}

/// An object is about to be written: until it is named, it is to be removed.
pub async fn doom(tx: &TenantTx, object: &str, not_before: Timestamp) -> Result<(), Error> {
    sql("INSERT INTO doomed_objects (object, tenant, not_before) \
         VALUES ($1, nullif(current_setting('postrider.tenant', true), ''), $2) \
         ON CONFLICT (object) DO UPDATE SET not_before = excluded.not_before")
    .binds((object, not_before))
    .execute(tx)
    .await?;
    Ok(())
}

/// An object is no longer to be removed: it is named, or it is removed. `false`: somebody else said so before.
pub async fn spare(tx: &TenantTx, object: &str) -> Result<bool, Error> {
    let spared = sql("DELETE FROM doomed_objects \
         WHERE tenant = nullif(current_setting('postrider.tenant', true), '') AND object = $1")
    .bind(object)
    .execute(tx)
    .await?;
    Ok(spared > 0)
}

row! {
    /// An object that is to go.
    #[derive(Debug)]
    pub struct Doomed {
        pub object: String,
        pub tenant: TenantId,
    }
}

/// Objects that are to go now.
pub async fn list_doomed(tx: &SystemTx, now: Timestamp, limit: usize) -> Result<Vec<Doomed>, Error> {
    sql("SELECT object, tenant FROM doomed_objects WHERE not_before <= $1 ORDER BY not_before LIMIT $2")
        .binds((now, super::count(limit)))
        .load(tx)
        .await
}

/// Removes what hangs on mails and their sources, and blobs that nothing names any more.
pub async fn release(tx: &TenantTx, emails: &[EmailId]) -> Result<(), Error> {
    let named: Vec<Value<Option<String>>> =
        sql("DELETE FROM attachments WHERE tenant = nullif(current_setting('postrider.tenant', true), '') \
               AND email_id = ANY ($1) RETURNING blob_key AS value")
        .bind(emails)
        .load(tx)
        .await?;
    let sources: Vec<Value<Option<String>>> =
        sql("DELETE FROM email_sources WHERE tenant = nullif(current_setting('postrider.tenant', true), '') \
               AND email_id = ANY ($1) RETURNING blob_key AS value")
        .bind(emails)
        .load(tx)
        .await?;
    drop_unnamed(tx, named.into_iter().chain(sources).filter_map(|row| row.0).collect()).await
}

/// Removes those of some blobs that nothing names.
pub async fn drop_unnamed(tx: &TenantTx, mut keys: Vec<String>) -> Result<(), Error> {
    keys.sort_unstable();
    keys.dedup();
    if keys.is_empty() {
        return Ok(());
    }
    // Whoever is about to name one of them has locked its row before.
    sql("SELECT blob_key AS value FROM blobs WHERE tenant = nullif(current_setting('postrider.tenant', true), '') \
           AND blob_key = ANY ($1) ORDER BY blob_key FOR UPDATE")
    .bind(&keys)
    .load::<Value<String>>(tx)
    .await?;
    let gone: Vec<Value<String>> = sql(
        "WITH gone AS (DELETE FROM blobs b WHERE b.tenant = nullif(current_setting('postrider.tenant', true), '') \
               AND b.blob_key = ANY ($1) \
               AND NOT EXISTS (SELECT FROM attachments a WHERE a.tenant = b.tenant AND a.blob_key = b.blob_key) \
               AND NOT EXISTS (SELECT FROM email_sources s WHERE s.tenant = b.tenant AND s.blob_key = b.blob_key) \
               RETURNING b.tenant, b.blob_key, b.object), \
             doomed AS (INSERT INTO doomed_objects (object, tenant, not_before) \
               SELECT object, tenant, '-infinity' FROM gone WHERE object IS NOT NULL ON CONFLICT DO NOTHING) \
             SELECT blob_key AS value FROM gone",
    )
    .bind(&keys)
    .load(tx)
    .await?;
    let gone: Vec<String> = gone.into_iter().map(|row| row.0).collect();
    sql("DELETE FROM blob_chunks WHERE tenant = nullif(current_setting('postrider.tenant', true), '') \
           AND blob_key = ANY ($1)")
    .bind(&gone)
    .execute(tx)
    .await?;
    Ok(())
}
