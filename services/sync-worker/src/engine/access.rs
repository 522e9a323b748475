//! How the engine reaches Gmail: one handle a lease, with a client for each lane behind the mailbox's governor.

use std::sync::Arc;

use async_trait::async_trait;
use postrider_gmail::{GmailApi, Lane};

use crate::error::EngineError;
use crate::store::mailboxes::due::Leased;

/// Opens mailboxes. The real one speaks HTTP with tokens leased from connector; tests answer from a simulator.
#[async_trait]
pub trait GmailAccess: Send + Sync + 'static {
    /// A handle for the time of one lease.
    async fn open(&self, leased: &Leased) -> Result<Arc<dyn GmailLanes>, EngineError>;
}

/// Gmail for one mailbox.
#[async_trait]
pub trait GmailLanes: Send + Sync + 'static {
    /// The client whose calls count as this lane's.
    fn lane(&self, lane: Lane) -> Arc<dyn GmailApi>;

    /// How many fetches may run at once.
    fn concurrency(&self) -> usize;

    /// Saves what is left of the quota; called at heartbeats and at the end of the lease.
    async fn checkpoint(&self);
}
