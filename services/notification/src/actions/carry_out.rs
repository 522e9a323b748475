//! From a verdict about an event to rows.

use postrider_contracts::Envelope;
use postrider_domain::TenantId;
use postrider_domain::text::without_nul;
use postrider_storage::{Error, TenantTx};

use super::{Actions, Owner};
use crate::observe;
use crate::rules::{Account, Verdict};
use crate::store::suppressions::{self, Suppression};

impl Actions {
    /// Writes what was decided about an event of that account.
    pub async fn carry_out(
        &self,
        tx: &mut TenantTx,
        tenant: &TenantId,
        account: &Account,
        event: &Envelope,
        verdict: Verdict,
    ) -> Result<(), Error> {
        match verdict {
            Verdict::Ignore => Ok(()),
            Verdict::Raise(draft) => {
                let owner = Owner { tenant, user: &account.owner, trace: event.trace };
                match self.raise(tx, owner, Some(account.id), *draft).await? {
                    Some(raised) => observe::event_told(event, &raised),
                    None => observe::event_told_before(event),
                }
                Ok(())
            }
            Verdict::Suppress { kind, business_key, decision } => {
                observe::suppressed(&self.metrics, kind, &decision.reason);
                let decision = serde_json::to_value(&decision).map_err(|error| Error::Other(error.to_string()))?;
                let row = Suppression {
                    tenant,
                    user: &account.owner,
                    account: account.id,
                    kind,
                    business_key: &without_nul(business_key),
                    event: event.id,
                    decision,
                    now: self.now(),
                };
                suppressions::insert(tx, row).await
            }
        }
    }
}
