//! Taking back what was told of a mail that turned out to be none to tell of.

use postrider_domain::ConnectorId;
use postrider_storage::{Error, TenantTx};
use serde_json::json;

use super::{Actions, Owner};
use crate::observe;
use crate::rules::{Channel, Mark, Outcome, decision};
use crate::store::{deliveries, notifications, preferences};

impl Actions {
    /// Archives the notification of a new mail, keeps the reason with it, and lets nothing go out about it that has not
    /// left yet.
    pub async fn withdraw(
        &self,
        tx: &mut TenantTx,
        owner: Owner<'_>,
        account: ConnectorId,
        message_id: &str,
        reason: &'static str,
    ) -> Result<(), Error> {
        let Owner { tenant, user, .. } = owner;
        let ids = notifications::told_of_mail(tx, tenant, user, account, message_id).await?;
        if ids.is_empty() {
            return Ok(());
        }
        self.mark(tx, owner, &ids, Mark::Archived).await?;
        let values = preferences::effective(tx, tenant, user, Some(account)).await?.preferences;
        let made = decision::made(self.now(), &values, Channel::Row, Outcome::Skipped, reason);
        notifications::release(tx, tenant, &ids, json!([made])).await?;
        let kept_back = deliveries::withdraw(tx, tenant, &ids, reason).await?;
        observe::withdrawn(reason, kept_back);
        Ok(())
    }
}
