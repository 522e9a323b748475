//! `preferences`: what a user has set.

use postrider_domain::{ConnectorId, TenantId, UserId};
use postrider_storage::types::{Jsonb, Text, Uuid as SqlUuid};
use postrider_storage::{Error, QueryableByName, Tx, sql};
use serde_json::Value;
use uuid::Uuid;

use crate::rules::{Overrides, Preferences};

#[derive(QueryableByName)]
struct PreferenceRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    scope: String,
    #[diesel(sql_type = Jsonb)]
    settings: Value,
}

/// Preferences in force, with the id of the most special row behind them.
#[derive(Debug, Clone, Default)]
pub struct Effective {
    pub id: Option<Uuid>,
    pub preferences: Preferences,
}

/// What is in force for a user, or for one account of theirs: defaults, then the user's row, then the account's.
pub async fn effective(
    tx: &Tx,
    tenant: &TenantId,
    user: &UserId,
    account: Option<ConnectorId>,
) -> Result<Effective, Error> {
    let scope = account.map(|id| id.to_string()).unwrap_or_default();
    let rows = sql("SELECT id, scope, settings FROM preferences \
                    WHERE tenant = $1 AND user_id = $2 AND (scope = '' OR scope = $3) ORDER BY scope")
    .bind_as::<Text, _>(tenant.as_str())
    .bind_as::<Text, _>(user.as_str())
    .bind_as::<Text, _>(scope)
    .load::<PreferenceRow>(tx)
    .await?;
    let mut effective = Effective::default();
    for row in rows {
        let patch: Overrides = serde_json::from_value(row.settings)
            .map_err(|error| Error::Other(format!("preferences of scope {:?} are malformed: {error}", row.scope)))?;
        effective = Effective { id: Some(row.id), preferences: effective.preferences.with(patch) };
    }
    Ok(effective)
}
