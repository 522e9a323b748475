//! Objects of the store, as jobs write and remove them. One is doomed before it is written, and no longer when the row that
//! names it is durable: whoever dies between leaves nothing that nobody knows of.

use bytes::Bytes;
use chrono::TimeDelta;
use postrider_blobs::Objects;
use postrider_domain::TenantId;
use postrider_storage::{Error, TenantTx};

use crate::state::State;
use crate::store::blobs::{self, Body};

/// How long writing an object may take.
const WRITTEN_WITHIN: TimeDelta = TimeDelta::hours(1);
/// Looked up at once.
const OBJECTS: usize = 100;

/// Writes an object that is doomed until it is named; one that is there already does. Returns its name.
pub async fn write(
    state: &State,
    objects: &Objects,
    tenant: &TenantId,
    key: &str,
    bytes: impl IntoIterator<Item = Bytes>,
) -> Result<String, Error> {
    let tx = state.db.tenant(tenant).await?;
    let known = blobs::find(&tx, key).await?.and_then(|kept| kept.object);
    if let Some(object) = known {
        tx.commit().await?;
        return Ok(object);
    }
    let folder = key.get(..2).unwrap_or_default();
    let object = format!("{tenant}/{folder}/{key}.{}", state.seams.ids.uuid().simple());
    blobs::doom(&tx, &object, state.seams.clock.now() + WRITTEN_WITHIN).await?;
    tx.commit().await?;
    // The store is away: as with the database, the whole is tried again.
    objects.put(&object, bytes).await.map_err(|error| Error::Transient(error.to_string()))?;
    Ok(object)
}

/// Makes a blob durable, with its object if it has one. Who names it does so in the same transaction.
pub async fn name(tx: &TenantTx, key: &str, size: i64, body: Body<'_>) -> Result<(), Error> {
    let new = blobs::put(tx, key, size, body).await?;
    if let Body::Object(object) = body
        && new
        && !blobs::spare(tx, object).await?
    {
        return Err(Error::Transient("an object took longer to be written than it may".to_owned()));
    }
    Ok(())
}

/// Removes objects that nothing names.
pub async fn remove(state: &State, objects: &Objects) -> Result<(), Error> {
    loop {
        let tx = state.db.system().await?;
        let doomed = blobs::list_doomed(&tx, state.seams.clock.now(), OBJECTS).await?;
        tx.commit().await?;
        for one in &doomed {
            // Its row is held while it is removed: whoever is about to name it waits, and writes it anew.
            let tx = state.db.tenant(&one.tenant).await?;
            if blobs::spare(&tx, &one.object).await? {
                objects.delete(&one.object).await.map_err(|error| Error::Transient(error.to_string()))?;
            }
            tx.commit().await?;
        }
        if doomed.len() < OBJECTS {
            return Ok(());
        }
    }
}
