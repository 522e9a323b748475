//! The transaction of every commit: it holds the mailbox's lock, gathers events, and makes all of it durable at once.

use std::collections::HashMap;
use std::sync::Arc;

use postrider_contracts::{Envelope, Event, NewEvent, TraceContext, streams};
use postrider_domain::{EventId, RunId, Seams, Timestamp};
use postrider_storage::{Error, TenantTx};

use crate::engine::lease::Lease;
use crate::error::EngineError;
use crate::rules::announce::GapNews;
use crate::rules::decide::Tally;
use crate::store::mailboxes::{self, Guard, Mailbox};
use crate::store::queue::Cause;

/// Who applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// History records.
    Live,
    /// A run: what it stores is told in batches, but for some news.
    Run(RunId, Option<GapNews>),
    /// A parked message looked at again.
    Parked,
    /// Listings compared with the mirror after a boundary.
    LookBack,
}

impl Origin {
    pub(super) fn run(self) -> Option<RunId> {
        match self {
            Self::Run(run, _) => Some(run),
            Self::Live | Self::Parked | Self::LookBack => None,
        }
    }
}

/// A transaction that holds the mailbox's lock; nothing is written without it.
pub struct Commit<'l> {
    lease: &'l Lease<'l>,
    pub tx: TenantTx,
    pub guard: Guard,
    pub mailbox: Mailbox,
    pub names: Arc<HashMap<String, String>>,
    pub cause: Cause,
    pub now: Timestamp,
    events: Vec<NewEvent>,
    /// Ledger entries and mails with content that it brings, for the counters.
    pub(super) brings: (Tally, usize),
}

impl<'l> Commit<'l> {
    /// Takes the lock, if the lease and the generation are still those of `guard`.
    pub async fn begin(lease: &'l Lease<'_>, guard: Guard, cause: Cause) -> Result<Self, EngineError> {
        let mut tx = lease.tenant().await?;
        let Some(mailbox) = mailboxes::lock(&mut tx, &guard).await? else {
            return Err(match mailboxes::find_held(&mut tx, &guard).await? {
                Some(_other_generation) => EngineError::BrokenOff,
                None => EngineError::Fenced,
            });
        };
        let (names, now) = (lease.names(), lease.parts.now());
        Ok(Self { lease, tx, guard, mailbox, names, cause, now, events: Vec::new(), brings: Default::default() })
    }

    pub fn seams(&self) -> &Seams {
        &self.lease.parts.seams
    }

    /// An event of the mailbox under this commit's cause.
    pub fn event<E: Event>(&self, message: &E) -> NewEvent {
        event(&self.mailbox, self.seams(), self.cause.trace, self.now, message)
    }

    /// Tells an event with the commit.
    pub fn tell<E: Event>(&mut self, message: &E) {
        self.events.push(self.event(message));
    }

    pub(super) fn tell_all(&mut self, events: impl IntoIterator<Item = NewEvent>) {
        self.events.extend(events);
    }

    /// Commits; counted only then.
    pub async fn end(mut self) -> Result<(), Error> {
        postrider_events::outbox::append(&mut self.tx, self.events).await?;
        self.tx.commit().await?;
        let (tally, stored) = self.brings;
        self.lease.parts.metrics.applied(tally, stored);
        Ok(())
    }
}

/// An event on a mailbox's stream.
pub fn event<E: Event>(
    mailbox: &Mailbox,
    seams: &Seams,
    trace: Option<TraceContext>,
    now: Timestamp,
    message: &E,
) -> NewEvent {
    let trace = trace.map(|trace| trace.child(seams.entropy.as_ref()));
    Envelope::of(EventId(seams.ids.uuid()), now, message)
        .owned_by(mailbox.tenant.clone(), mailbox.owner.clone(), Some(mailbox.connector))
        .traced(trace)
        .on_stream(streams::mailbox(mailbox.connector))
}
