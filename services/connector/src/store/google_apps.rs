//! `google_apps`: the OAuth clients accounts consented to.

use postrider_storage::{Error, SystemTx, Value, sql};
use uuid::Uuid;

/// The id of the OAuth client, made under `new_id` if it is not known yet.
pub async fn ensure(tx: &SystemTx, new_id: Uuid, client_id: &str) -> Result<Uuid, Error> {
    if let Some(found) = find(tx, client_id).await? {
        return Ok(found);
    }
    sql("INSERT INTO google_apps (id, client_id) VALUES ($1, $2) ON CONFLICT (client_id) DO NOTHING")
        .binds((new_id, client_id))
        .execute(tx)
        .await?;
    find(tx, client_id).await?.ok_or(Error::NotFound)
}

async fn find(tx: &SystemTx, client_id: &str) -> Result<Option<Uuid>, Error> {
    let id = sql("SELECT id AS value FROM google_apps WHERE client_id = $1").bind(client_id);
    Ok(id.optional::<Value<Uuid>>(tx).await?.map(|id| id.0))
}
