//! Locking the users of several events before any of them is told.

use std::collections::{BTreeMap, BTreeSet};

use postrider_contracts::Envelope;
use postrider_domain::{ConnectorId, TenantId, UserId};
use postrider_storage::{Error, TenantTx};

use super::Actions;
use crate::store::users;

impl Actions {
    /// Locks one user.
    pub async fn lock_user(&self, tx: &TenantTx, tenant: &TenantId, user: &UserId) -> Result<(), Error> {
        users::lock(tx, tenant, user, self.seams.ids.uuid(), self.now()).await?;
        Ok(())
    }

    /// Locks everybody whom these events of one tenant concern, in the order that holds everywhere: users by name, and
    /// before any account.
    pub async fn lock_users(&self, tx: &TenantTx, events: &[&Envelope]) -> Result<(), Error> {
        let Some(tenant) = events.iter().find_map(|event| event.tenant.as_ref()) else { return Ok(()) };
        let named: BTreeSet<&UserId> = events.iter().filter_map(|event| event.user.as_ref()).collect();
        let users: BTreeMap<&UserId, _> = named.into_iter().map(|user| (user, self.seams.ids.uuid())).collect();
        let accounts: BTreeSet<ConnectorId> = events.iter().filter_map(|event| event.connector).collect();
        let accounts: Vec<ConnectorId> = accounts.into_iter().collect();
        users::lock_all(tx, tenant, &users, &accounts, self.now()).await
    }
}
