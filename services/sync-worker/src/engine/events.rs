//! Building the events of a mailbox.

use postrider_contracts::{Event, NewEvent, TraceContext, streams};
use postrider_domain::{Seams, Timestamp};

use crate::store::mailboxes::Mailbox;

/// Wraps messages as events of one mailbox.
pub struct EventMaker<'a> {
    pub mailbox: &'a Mailbox,
    pub seams: &'a Seams,
    pub trace: Option<TraceContext>,
    pub now: Timestamp,
}

impl EventMaker<'_> {
    /// An event on the mailbox's stream.
    pub fn make<E: Event>(&self, message: &E) -> NewEvent {
        let id = postrider_domain::EventId(self.seams.ids.uuid());
        let trace = self.trace.map(|trace| trace.child(self.seams.entropy.as_ref()));
        postrider_contracts::Envelope::of(id, self.now, message)
            .owned_by(self.mailbox.tenant.clone(), self.mailbox.owner.clone(), Some(self.mailbox.connector))
            .traced(trace)
            .on_stream(streams::mailbox(self.mailbox.connector))
    }
}
