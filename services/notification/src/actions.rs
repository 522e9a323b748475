//! What is done to a user's notifications: one is raised, some are marked, one is suppressed.
//!
//! Each action takes the user's row lock where it gives out numbers, writes rows, log entries and outbox events in the
//! caller's transaction, and hints the sockets once that is durable. What is to be done was decided before, in `rules`.

mod carry_out;
mod dispatch;
mod fire;
mod lock;
mod mark;
mod morning;
mod raise;
mod release;
mod withdraw;

use std::sync::Arc;

use chrono::TimeDelta;
use postrider_contracts::{Envelope, Event, TraceContext, streams};
use postrider_domain::{ConnectorId, EventId, IdGen, Seams, TenantId, Timestamp, UserId};
use postrider_events::outbox;
use postrider_storage::{Error, TenantTx};
use uuid::Uuid;

use crate::deliveries::Bell;
use crate::feed::Bells;
use crate::hints::{Announcer, Hint};
use crate::metrics::Metrics;
use crate::store::log::Entry;

pub use carry_out::feed_seq;
pub use fire::Cause;
pub use morning::wait_for_it;
pub use raise::Raised;

/// Whose notifications, and the trace the action belongs to.
#[derive(Debug, Clone, Copy)]
pub struct Owner<'a> {
    pub tenant: &'a TenantId,
    pub user: &'a UserId,
    pub trace: Option<TraceContext>,
}

/// Carries actions out. Cheap to clone.
#[derive(Clone)]
pub struct Actions {
    seams: Seams,
    announcer: Announcer,
    metrics: Arc<Metrics>,
    retention: TimeDelta,
    spam_hold: TimeDelta,
    /// Whether there is a mail server.
    mails: bool,
    bell: Bell,
    mail_bell: Bell,
    check_bell: Bell,
    feed_bells: Bells,
}

/// What an action wrote to the user's log, and the events that tell other services.
struct Told<E> {
    epoch: Uuid,
    now: Timestamp,
    entries: Vec<Entry>,
    /// Each with its account, in whose stream it stands.
    events: Vec<(Option<ConnectorId>, E)>,
}

impl Actions {
    /// `retention` is how long a notification lives (`NOTIFICATION_RETENTION_DAYS`).
    pub fn new(seams: Seams, announcer: Announcer, metrics: Arc<Metrics>, retention: TimeDelta) -> Self {
        let feed_bells = Bells::new(metrics.feed_readers.clone());
        let spam_hold = TimeDelta::zero();
        Self {
            seams,
            announcer,
            metrics,
            retention,
            spam_hold,
            mails: false,
            bell: Bell::default(),
            mail_bell: Bell::default(),
            check_bell: Bell::default(),
            feed_bells,
        }
    }

    /// How long what leaves the house about a new mail waits for Gmail's verdict on spam (`SPAM_HOLD_SECONDS`).
    #[must_use]
    pub fn holding(self, spam_hold: TimeDelta) -> Self {
        Self { spam_hold, ..self }
    }

    /// Whether there is a mail server (`SMTP_URL`).
    #[must_use]
    pub fn mailing(self, mails: bool) -> Self {
        Self { mails, ..self }
    }

    /// Whether mails can be sent.
    pub fn sends_mail(&self) -> bool {
        self.mails
    }

    /// Rings when a mail is to be sent.
    pub fn mail_bell(&self) -> &Bell {
        &self.mail_bell
    }

    /// The time it writes by.
    pub fn now(&self) -> Timestamp {
        self.seams.clock.now()
    }

    /// What spreads waits, in `[0, 1)`.
    pub fn unit(&self) -> f64 {
        self.seams.entropy.unit()
    }

    /// Where ids come from.
    pub fn ids(&self) -> &dyn IdGen {
        self.seams.ids.as_ref()
    }

    /// Rings when something is to be delivered.
    pub fn bell(&self) -> &Bell {
        &self.bell
    }

    /// Rings when a mail is to be looked into for a trigger.
    pub fn check_bell(&self) -> &Bell {
        &self.check_bell
    }

    /// Ring when a user's feed has grown.
    pub fn feed_bells(&self) -> &Bells {
        &self.feed_bells
    }

    /// What was archived before this is deleted.
    pub fn kept_since(&self) -> Timestamp {
        self.now() - self.retention
    }

    /// Sends the events with the transaction, and hints the sockets behind it. One entry travels with the hint; of more
    /// only the last number does, and the sessions read the rows.
    async fn tell<E: Event>(&self, tx: &mut TenantTx, owner: Owner<'_>, told: Told<E>) -> Result<(), Error> {
        let Told { epoch, now, mut entries, events } = told;
        let envelope = |(account, event): (Option<ConnectorId>, E)| {
            Envelope::of(EventId(self.seams.ids.uuid()), now, &event)
                .owned_by(owner.tenant.clone(), owner.user.clone(), account)
                .traced(owner.trace)
                // Without an account it is the user's own stream, named by the epoch.
                .on_stream(streams::notification(account.unwrap_or(ConnectorId(epoch))))
        };
        outbox::append(tx, events.into_iter().map(envelope).collect()).await?;
        let Some(nseq) = entries.last().map(|entry| entry.nseq) else { return Ok(()) };
        let hint = Hint {
            tenant: owner.tenant.clone(),
            user: owner.user.clone(),
            epoch,
            nseq,
            at: self.now(),
            entry: if entries.len() == 1 { entries.pop() } else { None },
            trace: owner.trace,
            from: None,
        };
        let announcer = self.announcer.clone();
        tx.on_commit(move || announcer.announce(hint));
        Ok(())
    }
}
