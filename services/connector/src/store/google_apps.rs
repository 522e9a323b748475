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

/// The OAuth client an account consented to.
pub async fn client_of(tx: &SystemTx, account: Uuid) -> Result<Option<String>, Error> {
    let id = sql("SELECT g.client_id AS value FROM google_accounts a JOIN google_apps g ON g.id = a.app_id \
         WHERE a.id = $1")
    .bind(account);
    Ok(id.optional::<Value<String>>(tx).await?.map(|id| id.0))
}

async fn find(tx: &SystemTx, client_id: &str) -> Result<Option<Uuid>, Error> {
    let id = sql("SELECT id AS value FROM google_apps WHERE client_id = $1").bind(client_id);
    Ok(id.optional::<Value<Uuid>>(tx).await?.map(|id| id.0))
}
