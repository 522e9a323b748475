//! From a verdict to rows, for both consumers.

use std::sync::Arc;

use postrider_contracts::{Envelope, EnvelopeError, Event};
use postrider_domain::{ConnectorId, TenantId};
use postrider_events::streams::{Applied, ApplyError};
use postrider_storage::{Error, Tx};

use crate::changes::{Changes, Whose};
use crate::metrics::Metrics;
use crate::observe::Suppressed;
use crate::rules::{Account, Preferences, Verdict};
use crate::store::suppressions::{self, Suppression};
use crate::store::{accounts, preferences};

/// What both consumers need.
#[derive(Clone)]
pub struct Effects {
    pub changes: Changes,
    pub metrics: Arc<Metrics>,
}

/// An event's tenant, account and what is set for it.
pub(super) struct Concerned {
    pub tenant: TenantId,
    pub account: Account,
    pub preferences: Preferences,
}

/// An event that can never be applied.
pub(super) fn malformed(error: &EnvelopeError) -> Applied {
    Applied::DeadLetter(error.to_string())
}

/// Decodes the event's message, or says why it cannot be.
pub(super) fn decode<E: Event>(event: &Envelope) -> Result<E, Applied> {
    event.decode::<E>().map_err(|error| malformed(&error))
}

/// Who an event of a mailbox concerns. An account we have not heard of yet is expected, not waited for.
pub(super) async fn concerned(tx: &Tx, event: &Envelope) -> Result<Result<Concerned, Applied>, ApplyError> {
    let names = event.tenant().and_then(|tenant| Ok((tenant.clone(), event.user()?.clone(), event.connector()?)));
    let (tenant, owner, id) = match names {
        Ok(names) => names,
        Err(error) => return Ok(Err(malformed(&error))),
    };
    let (account, mut effective) = tokio::try_join!(
        accounts::find_or_expect(tx, &tenant, &owner, id, event.time),
        preferences::effective(tx, &tenant, &owner, Some(id))
    )?;
    if account.owner != owner {
        effective = preferences::effective(tx, &tenant, &account.owner, Some(id)).await?;
    }
    Ok(Ok(Concerned { tenant, account, preferences: effective.preferences }))
}

impl Effects {
    /// Writes what was decided about an event.
    pub(super) async fn take(
        &self,
        tx: &mut Tx,
        event: &Envelope,
        (tenant, account): (&TenantId, &Account),
        verdict: Verdict,
    ) -> Result<(), Error> {
        let whose = Whose { tenant, user: &account.owner, trace: event.trace };
        match verdict {
            Verdict::Ignore => Ok(()),
            Verdict::Raise(draft) => {
                let raised = self.changes.raise(tx, whose, Some(account.id), *draft).await?;
                match raised {
                    Some(raised) => tracing::debug!(
                        event.id = %event.id, notification.id = %raised.id, nseq = raised.nseq, "raised a notification"
                    ),
                    None => tracing::debug!(event.id = %event.id, "the user was told before"),
                }
                Ok(())
            }
            Verdict::Suppress { kind, business_key, decision } => {
                Suppressed { kind, reason: &decision.reason }.emit(&self.metrics);
                let decision = serde_json::to_value(&decision).map_err(|error| Error::Other(error.to_string()))?;
                let account: ConnectorId = account.id;
                let business_key = &postrider_domain::text::without_nul(business_key);
                let now = self.changes.seams.clock.now();
                let row = Suppression {
                    tenant,
                    user: whose.user,
                    account,
                    kind,
                    business_key,
                    event: event.id,
                    decision,
                    now,
                };
                suppressions::insert(tx, row).await
            }
        }
    }
}
