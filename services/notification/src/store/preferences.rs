//! `preferences`: what a user has set.

use postrider_domain::{ConnectorId, TenantId, Timestamp, UserId};
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

fn scope(account: Option<ConnectorId>) -> String {
    account.map(|id| id.to_string()).unwrap_or_default()
}

/// What is in force for a user, or for one account of theirs: defaults, then the user's row, then the account's.
pub async fn effective(
    tx: &TenantTx,
    tenant: &TenantId,
    user: &UserId,
    account: Option<ConnectorId>,
) -> Result<Effective, Error> {
    let rows = sql("SELECT id, scope, settings FROM preferences \
                    WHERE tenant = $1 AND user_id = $2 AND (scope = '' OR scope = $3) ORDER BY scope")
    .binds((tenant, user, scope(account)))
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

/// What is in force for a user (first, without an account), and for each account with something of its own; with whether the
/// account decides about its digests itself.
pub async fn of_all_accounts(
    tx: &TenantTx,
    tenant: &TenantId,
    user: &UserId,
) -> Result<Vec<(Option<ConnectorId>, Preferences, bool)>, Error> {
    let rows = sql("SELECT id, scope, settings FROM preferences WHERE tenant = $1 AND user_id = $2 ORDER BY scope")
        .binds((tenant, user))
        .load::<Patch>(tx)
        .await?;
    let mut all = vec![(None, Preferences::default(), true)];
    for row in rows {
        let patch: Overrides = serde_json::from_value(row.settings)
            .map_err(|error| Error::Other(format!("preferences of scope {:?} are malformed: {error}", row.scope)))?;
        let Some((_, user, _)) = all.first_mut() else { continue };
        match row.scope.parse().ok().map(ConnectorId) {
            // It comes first: every other scope is longer.
            None => *user = user.clone().with(patch),
            Some(account) => {
                let decides = patch.decides_about_digests();
                let values = user.clone().with(patch);
                all.push((Some(account), values, decides));
            }
        }
    }
    Ok(all)
}

/// A change of what a user has set, for all accounts or for one.
pub struct Change<'a> {
    /// Of the row, if it is new.
    pub id: Uuid,
    pub tenant: &'a TenantId,
    pub user: &'a UserId,
    pub account: Option<ConnectorId>,
    /// Members by name; null takes one back.
    pub settings: Value,
    pub now: Timestamp,
}

/// Writes a change over what was set before.
pub async fn change(tx: &TenantTx, change: Change<'_>) -> Result<(), Error> {
    sql("INSERT INTO preferences AS p (tenant, user_id, scope, id, settings, created_at, updated_at) \
         VALUES ($1, $2, $3, $4, jsonb_strip_nulls($5), $6, $6) \
         ON CONFLICT (tenant, user_id, scope) DO UPDATE \
             SET settings = jsonb_strip_nulls(p.settings || $5), updated_at = excluded.updated_at")
    .binds((change.tenant, change.user, scope(change.account), change.id, change.settings, change.now))
    .execute(tx)
    .await?;
    Ok(())
}
