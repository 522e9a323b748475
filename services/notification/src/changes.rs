//! The two ways a user's notifications change: one is raised, some are marked. Each takes the user's row lock, writes
//! rows, log entries and outbox events in the caller's transaction, and tells the sockets once that is durable.

mod mark;
mod raise;

use std::sync::Arc;

use chrono::TimeDelta;
use postrider_contracts::{TraceContext, streams};
use postrider_domain::{ConnectorId, Seams, TenantId, UserId};
use uuid::Uuid;

use crate::live::{Announcer, Hint};
use crate::metrics::Metrics;
use crate::store::log::Entry;

/// Whose change it is, and which trace it belongs to.
#[derive(Debug, Clone, Copy)]
pub struct Whose<'a> {
    pub tenant: &'a TenantId,
    pub user: &'a UserId,
    pub trace: Option<TraceContext>,
}

/// Writes changes. Cheap to clone.
#[derive(Clone)]
pub struct Changes {
    pub(crate) seams: Seams,
    announcer: Announcer,
    metrics: Arc<Metrics>,
    retention: TimeDelta,
}

impl Changes {
    /// `retention` is how long a notification lives (`NOTIFICATION_RETENTION_DAYS`).
    pub fn new(seams: Seams, announcer: Announcer, metrics: Arc<Metrics>, retention: TimeDelta) -> Self {
        Self { seams, announcer, metrics, retention }
    }

    /// What sockets are to hear after the commit. One entry travels with the hint; of more only the last number does,
    /// and the sessions read the rows.
    fn hint(&self, whose: Whose<'_>, epoch: Uuid, entries: Vec<Entry>) -> Option<Hint> {
        let nseq = entries.last()?.nseq;
        let entry = if entries.len() == 1 { entries.into_iter().next() } else { None };
        let at = self.seams.clock.now();
        Some(Hint {
            tenant: whose.tenant.clone(),
            user: whose.user.clone(),
            epoch,
            nseq,
            at,
            entry,
            trace: whose.trace,
        })
    }
}

/// The stream of a notification's events: its account's, or the user's own (named by the epoch) without an account.
fn stream(account: Option<ConnectorId>, epoch: Uuid) -> String {
    streams::notification(account.unwrap_or(ConnectorId(epoch)))
}
