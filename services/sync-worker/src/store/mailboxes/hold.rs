//! The lock on a mailbox beside the engine.

use postrider_domain::ConnectorId;
use postrider_storage::{Error, TenantTx, Value, sql};

/// Holds a mailbox for the transaction; `false` once it is to be erased: the eraser comes after whoever holds it.
pub async fn hold(tx: &TenantTx, connector: ConnectorId) -> Result<bool, Error> {
    let held = sql("SELECT true AS value FROM mailboxes WHERE connector_id = $1 AND NOT erase FOR NO KEY UPDATE")
        .bind(connector)
        .optional::<Value<bool>>(tx)
        .await?;
    Ok(held.is_some())
}
