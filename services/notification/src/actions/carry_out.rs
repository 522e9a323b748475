//! From a verdict about an event to rows.

use postrider_contracts::{Envelope, streams};
use postrider_domain::text::without_nul;
use postrider_domain::{ConnectorId, TenantId};
use postrider_storage::{Error, TenantTx};

use super::{Actions, Owner};
use crate::observe;
use crate::rules::{Account, Verdict};
use crate::store::suppressions::{self, Suppression};

/// Where an event stands in its account's feed, which is the stream of its mailbox.
pub fn feed_seq(event: &Envelope, account: ConnectorId) -> Option<i64> {
    event.position.as_ref().filter(|place| place.stream == streams::mailbox(account)).map(|place| place.seq)
}

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
            Verdict::Raise(mut draft) => {
                draft.feed_seq = feed_seq(event, account.id);
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
