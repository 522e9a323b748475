//! How oddly the world answers: the sets of its mailboxes, and when what they hide has come to light.

use chrono::TimeDelta;
use postrider_domain::Timestamp;

use super::{SimError, World};
use crate::faults::Faults;
use crate::gate::Transport;
use crate::mailbox::{Lag, Quirks};

/// What readers of a mailbox cannot see yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Visibility {
    /// Nothing is hidden, stale or missing: a patient reader sees what [`World::truth`] says.
    pub settled: bool,
    /// When that will be, if nothing else happens.
    pub settled_at: Option<Timestamp>,
    /// Records that nobody is shown yet.
    pub hidden: usize,
    /// The history id that watch and pushes tell now.
    pub history_id: u64,
}

impl World {
    /// Mailboxes made from now on have these oddities.
    pub fn set_faults(&self, faults: Faults) {
        *self.0.faults.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = faults;
    }

    /// The oddities of new mailboxes.
    pub fn faults(&self) -> Faults {
        *self.0.faults.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// How far readers are behind; see [`crate::mailbox::LagScope`].
    pub fn set_lag(&self, address: &str, lag: Lag) -> Result<(), SimError> {
        self.with(address, |mailbox| mailbox.lag = lag)
    }

    /// The oddities this mailbox shows from now on.
    pub fn set_quirks(&self, address: &str, quirks: Quirks) -> Result<(), SimError> {
        let now = self.now();
        self.with(address, |mailbox| mailbox.set_quirks(quirks, now))
    }

    /// The oddities this mailbox shows.
    pub fn quirks(&self, address: &str) -> Result<Quirks, SimError> {
        self.with(address, |mailbox| mailbox.quirks())
    }

    /// For `span`, the mailbox tells history ids far below those its messages carry; then they go forward again. With
    /// `renumber` the records made meanwhile keep low ids, and only a reader that starts at the low id finds them.
    pub fn history_back(&self, address: &str, span: TimeDelta, renumber: bool) -> Result<(), SimError> {
        let now = self.now();
        self.with(address, |mailbox| mailbox.go_back(now, span, renumber))
    }

    /// What readers of a mailbox cannot see yet.
    pub fn visibility(&self, address: &str) -> Result<Visibility, SimError> {
        let now = self.now();
        self.with(address, |mailbox| {
            let settled_at = mailbox.settled_at(now);
            let hidden = mailbox.hidden(now);
            Visibility { settled: settled_at.is_none(), settled_at, hidden, history_id: mailbox.head() }
        })
    }

    /// How the next answer about a mailbox travels.
    pub(crate) fn transport(&self, address: &str) -> Option<Transport> {
        self.with(address, crate::mailbox::Mailbox::transport).ok().flatten()
    }
}
