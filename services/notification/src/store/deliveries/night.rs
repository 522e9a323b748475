//! Messages that meet the night on their way: they were to go before it began, and could not.

use postrider_domain::{ConnectorId, NotificationId, TenantId, Timestamp, UserId};
use postrider_storage::{Error, TenantTx, sql};
use uuid::Uuid;

use crate::rules::Channel;

/// Most that is put together.
const MOST: i64 = 1_000;

postrider_storage::row! {
    /// One that waits for the morning.
    #[derive(Debug, Clone, PartialEq)]
    pub struct Waiting {
        pub id: Uuid,
        /// Of a push.
        pub browser: Option<Uuid>,
        pub account_id: Option<ConnectorId>,
        /// What it tells of, oldest first.
        pub notifications: Vec<Uuid>,
    }
}

impl Waiting {
    /// What it tells of.
    pub fn told(&self) -> impl Iterator<Item = NotificationId> + '_ {
        self.notifications.iter().copied().map(NotificationId)
    }
}

/// Has one wait, without an attempt, until it is put together with what else the night holds back; at `due` it goes by
/// itself.
pub async fn wait(tx: &TenantTx, tenant: &TenantId, id: Uuid, due: Timestamp) -> Result<(), Error> {
    sql("UPDATE deliveries SET due_at = $3, claimed_until = NULL, error = 'quiet_hours' \
         WHERE tenant = $1 AND id = $2 AND state = 'pending'")
    .binds((tenant, id, due))
    .execute(tx)
    .await?;
    Ok(())
}

/// What of a user waits on a channel, locked, and is in nobody's hands.
pub async fn waiting(tx: &TenantTx, tenant: &TenantId, user: &UserId, channel: Channel) -> Result<Vec<Waiting>, Error> {
    sql("SELECT d.id, d.push_subscription AS browser, d.account_id, \
             CASE WHEN EXISTS (SELECT 1 FROM delivery_covers c WHERE c.tenant = $1 AND c.delivery_id = d.id) \
             THEN ARRAY(SELECT c.notification FROM delivery_covers c JOIN notifications n ON n.tenant = $1 AND n.id = c.notification \
                        WHERE c.tenant = $1 AND c.delivery_id = d.id ORDER BY n.created_nseq) \
             ELSE ARRAY[d.notification] END AS notifications \
         FROM deliveries d WHERE d.tenant = $1 AND d.user_id = $2 AND d.channel = $3 AND d.state = 'pending' \
             AND d.error = 'quiet_hours' AND d.notification IS NOT NULL AND d.handed_over_at IS NULL \
             AND (d.claimed_until IS NULL OR d.claimed_until < clock_timestamp()) \
         ORDER BY d.created_at, d.id LIMIT $4 FOR UPDATE OF d")
    .binds((tenant, user, channel, MOST))
    .load(tx)
    .await
}

/// These go out with another one.
pub async fn told_together(tx: &TenantTx, tenant: &TenantId, ids: &[Uuid]) -> Result<(), Error> {
    sql("UPDATE deliveries SET state = 'skipped', due_at = NULL, claimed_until = NULL, error = 'told_together' \
         WHERE tenant = $1 AND id = ANY($2)")
    .binds((tenant, ids))
    .execute(tx)
    .await?;
    Ok(())
}
