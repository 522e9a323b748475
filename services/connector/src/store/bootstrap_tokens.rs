//! `bootstrap_tokens`: which connector a token of `GMAIL_REFRESH_TOKEN` made. Outlives the connector's erasure.

use postrider_domain::{ConnectorId, TenantId, UserId};
use postrider_storage::{Error, TenantTx, row, sql};

use super::oauth_states::Hash;

row! {
    /// What became of the connector a token made.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Used {
        pub erased: bool,
    }
}

/// The use of a user's token, if there was one.
pub async fn find(tx: &TenantTx, user: &UserId, token_hash: &Hash) -> Result<Option<Used>, Error> {
    sql("SELECT c.erase_run_id IS NOT NULL AS erased FROM bootstrap_tokens b \
         JOIN connectors c ON c.id = b.connector_id WHERE b.user_id = $1 AND b.token_hash = $2")
    .binds((user, token_hash))
    .optional(tx)
    .await
}

/// Remembers what a token made; the first time stays.
pub async fn remember(
    tx: &TenantTx,
    tenant: &TenantId,
    user: &UserId,
    token_hash: &Hash,
    connector: ConnectorId,
) -> Result<(), Error> {
    sql("INSERT INTO bootstrap_tokens (tenant, user_id, token_hash, connector_id) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (tenant, user_id, token_hash) DO NOTHING")
    .binds((tenant, user, token_hash, connector))
    .execute(tx)
    .await?;
    Ok(())
}
