//! What met the night on its way goes out with what the night itself held back: one message, however much there is.

use std::collections::HashMap;

use chrono::TimeDelta;
use postrider_domain::{ConnectorId, IdGen, NotificationId, TenantId, Timestamp, UserId};
use postrider_storage::{Error, TenantTx};
use uuid::Uuid;

use super::{Actions, Owner};
use crate::rules::{Channel, quiet_until};
use crate::store::deliveries::night::{self, Waiting};
use crate::store::{deliveries, preferences, quiet_ends, users};

/// How long what waits is left to whoever ends the quiet hours, before it goes by itself.
const LEFT: TimeDelta = TimeDelta::minutes(1);

/// Has a message wait that is due in its user's night.
pub async fn wait_for_it(
    tx: &TenantTx,
    ids: &dyn IdGen,
    (tenant, user): (&TenantId, &UserId),
    delivery: Uuid,
    (now, until): (Timestamp, Timestamp),
) -> Result<(), Error> {
    users::lock_known(tx, tenant, user).await?;
    quiet_ends::note(tx, ids.uuid(), tenant, user, until, now).await?;
    night::wait(tx, tenant, delivery, until + LEFT).await
}

/// One message of several: what it tells of, oldest first, and the account, if all of it is about one.
pub(super) struct Together {
    pub notifications: Vec<NotificationId>,
    pub account: Option<ConnectorId>,
}

impl Actions {
    /// What waits on a channel and may go: it is not night any more for its account.
    pub(super) async fn waiting(
        &self,
        tx: &TenantTx,
        owner: Owner<'_>,
        channel: Channel,
    ) -> Result<Vec<Waiting>, Error> {
        let Owner { tenant, user, .. } = owner;
        let (now, mut awake) = (self.now(), HashMap::new());
        let mut may_go = Vec::new();
        for one in night::waiting(tx, tenant, user, channel).await? {
            let goes = match awake.get(&one.account_id) {
                Some(goes) => *goes,
                None => {
                    let values = preferences::effective(tx, tenant, user, one.account_id).await?.preferences;
                    let goes = quiet_until(&values, now).is_none();
                    awake.insert(one.account_id, goes);
                    goes
                }
            };
            if goes {
                may_go.push(one);
            }
        }
        Ok(may_go)
    }

    /// Puts what waits together with what was held. Nothing is to be written where one alone waits: it goes as it is.
    pub(super) async fn together(
        &self,
        tx: &TenantTx,
        owner: Owner<'_>,
        waiting: &[&Waiting],
        held: &[(NotificationId, Option<ConnectorId>)],
    ) -> Result<Option<Together>, Error> {
        let mut notifications: Vec<NotificationId> = Vec::new();
        for id in waiting.iter().flat_map(|one| one.told()).chain(held.iter().map(|(id, _)| *id)) {
            if !notifications.contains(&id) {
                notifications.push(id);
            }
        }
        let rest = match (waiting, notifications.as_slice()) {
            ([first, rest @ ..], [_alone]) => {
                deliveries::postpone(tx, owner.tenant, first.id, self.now()).await?;
                notifications.clear();
                rest
            }
            _ => waiting,
        };
        let ids: Vec<Uuid> = rest.iter().map(|one| one.id).collect();
        if !ids.is_empty() {
            night::told_together(tx, owner.tenant, &ids).await?;
        }
        let mut accounts = waiting.iter().map(|one| one.account_id).chain(held.iter().map(|(_, account)| *account));
        let first = accounts.next().flatten();
        let account = first.filter(|_| accounts.all(|account| account == first));
        Ok((!notifications.is_empty()).then_some(Together { notifications, account }))
    }
}
