//! `preferences`: what a user has set.

use postrider_domain::{ConnectorId, TenantId, UserId};
use postrider_storage::{Error, TenantTx, sql};
use serde_json::Value;
use uuid::Uuid;

use crate::rules::{Overrides, Preferences};

postrider_storage::row! {
    struct Patch {
        id: Uuid,
        scope: String,
        settings: Value,
    }
}

/// Preferences in force, with the id of the most special row behind them.
#[derive(Debug, Clone, Default)]
pub struct Effective {
    pub id: Option<Uuid>,
    pub preferences: Preferences,
}

/// What is in force for a user, or for one account of theirs: defaults, then the user's row, then the account's.
pub async fn effective(
    tx: &TenantTx,
    tenant: &TenantId,
    user: &UserId,
    account: Option<ConnectorId>,
) -> Result<Effective, Error> {
    let scope = account.map(|id| id.to_string()).unwrap_or_default();
    let rows = sql("SELECT id, scope, settings FROM preferences \
                    WHERE tenant = $1 AND user_id = $2 AND (scope = '' OR scope = $3) ORDER BY scope")
    .binds((tenant, user, scope))
    .load::<Patch>(tx)
    .await?;
    let mut effective = Effective::default();
    for row in rows {
        let patch: Overrides = serde_json::from_value(row.settings)
            .map_err(|error| Error::Other(format!("preferences of scope {:?} are malformed: {error}", row.scope)))?;
        effective = Effective { id: Some(row.id), preferences: effective.preferences.with(patch) };
    }
    Ok(effective)
}
