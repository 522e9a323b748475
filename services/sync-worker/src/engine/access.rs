//! How the engine reaches Gmail: one handle a lease, with a client for each lane behind the mailbox's governor.

use std::sync::Arc;

use async_trait::async_trait;
use postrider_domain::ConnectorId;
use postrider_gmail::{GmailApi, GmailError, Lane};
use serde::Serialize;

use crate::error::EngineError;
use crate::store::mailboxes::due::Leased;

/// Why Gmail refuses an account for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Refused {
    ScopeMissing,
    DomainPolicy,
    MailServiceOff,
}

impl Refused {
    /// What connector must be told of a failure. A refusal of the whole project is not the account's.
    pub fn of(error: &EngineError) -> Option<Self> {
        match error {
            EngineError::Gmail(GmailError::ScopeMissing) => Some(Self::ScopeMissing),
            EngineError::Gmail(GmailError::DomainPolicy) => Some(Self::DomainPolicy),
            EngineError::Gmail(GmailError::MailServiceOff) => Some(Self::MailServiceOff),
            _ => None,
        }
    }
}

/// Opens mailboxes. The real one speaks HTTP with tokens leased from connector; tests answer from a simulator.
#[async_trait]
pub trait GmailAccess: Send + Sync + 'static {
    /// A handle for the time of one lease.
    async fn open(&self, leased: &Leased) -> Result<Arc<dyn GmailLanes>, EngineError>;

    /// Tells connector that Gmail refuses an account for what only a person can end. False: its tokens are others by now,
    /// and may be allowed more.
    async fn refused(&self, _connector: ConnectorId, _reason: Refused) -> Result<bool, EngineError> {
        Ok(true)
    }
}

/// Gmail for one mailbox.
#[async_trait]
pub trait GmailLanes: Send + Sync + 'static {
    /// The client whose calls count as this lane's.
    fn lane(&self, lane: Lane) -> Arc<dyn GmailApi>;

    /// How many fetches may run at once.
    fn concurrency(&self) -> usize;

    /// Per cent of the project's day that are spent.
    fn day_percent(&self) -> u32 {
        100
    }

    /// Gives back what is left of the quota; called at heartbeats and before the lease ends.
    async fn checkpoint(&self);
}
