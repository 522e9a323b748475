//! What a consumer brings: the effect of an event, and what may come of it.

use std::time::Duration;

use async_trait::async_trait;
use postrider_contracts::{Envelope, Queue};
use postrider_storage::{Error, TenantTx};

/// What became of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Applied {
    /// Its effect is written (or it needs none).
    Done,
    /// It can never be applied; nothing was written for it. Goes to the dead letters with this reason.
    DeadLetter(String),
}

/// Why an event could not be applied now.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// Something it needs is not there yet.
    #[error("{reason}")]
    Retry { after: Duration, reason: String },
    #[error(transparent)]
    Db(#[from] Error),
}

/// A consumer's effect. The claim in the inbox is already written.
#[async_trait]
pub trait Applier: Send + Sync + 'static {
    /// Name in the inbox and of the heads, e.g. `notification.mailbox`.
    fn consumer(&self) -> &'static str;
    /// The queue its deliveries come from.
    fn queue(&self) -> &'static Queue;
    /// Whether these fresh events of a batch lock rows that other transactions lock in another order, so that
    /// [`Self::prepare`] must come first.
    fn must_prepare(&self, _fresh: &[&Envelope]) -> bool {
        false
    }
    /// Takes the locks of these events, all of one tenant, in one order, before any event of the batch is applied.
    /// Tenants come in their order.
    async fn prepare(&self, _tx: &mut TenantTx, _events: &[&Envelope]) -> Result<(), ApplyError> {
        Ok(())
    }
    /// Writes the effect.
    async fn apply(&self, tx: &mut TenantTx, event: &Envelope) -> Result<Applied, ApplyError>;
}
