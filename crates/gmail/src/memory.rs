//! The memory that mails may take in one process: from the request that brings one to the transaction that stores it.
//!
//! A [`Memory`] counts bytes for the whole process, a [`Room`] those of one step of work, a [`Weight`] those of one mail.
//! Who waits, waits in order. Nobody waits for ever:
//!
//! - Runs share three quarters at most, so that a body of the live lane always finds the rest. A run stores what it has
//!   whatever else it waits for, and so gives its weights back.
//! - A step of the live lane holds mails until all of them are there. Two such steps could each wait for what the other
//!   holds: so one at a time, which holds something already, goes beyond what there is until it gives everything back.

mod entry;

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

pub use entry::{Entry, Weight};

/// Semaphores count KiB: their permits are 32 bits wide.
const UNIT: usize = 1024;
/// Taken before the request, when nobody knows how large its answer is.
const ENTRY: usize = 256 * 1024;
/// What a process has, unless told otherwise.
const DEFAULT: usize = 128 * 1024 * 1024;

/// Whose mails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Steps that hold mails until all of them are there.
    Live,
    /// Runs, which store what they have.
    Runs,
}

/// The byte budget of a process. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Memory(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    all: Arc<Semaphore>,
    /// What runs may take of it.
    runs: Arc<Semaphore>,
    units: usize,
    run_units: usize,
    /// Who may go beyond it: one step of the live lane, and one body of a run.
    beyond: [Arc<Semaphore>; 2],
}

impl Default for Memory {
    fn default() -> Self {
        Self::new(DEFAULT)
    }
}

impl Memory {
    pub fn new(bytes: usize) -> Self {
        let units = bytes.div_ceil(UNIT).clamp(4 * ENTRY / UNIT, Semaphore::MAX_PERMITS.min(usize::MAX >> 32));
        let run_units = units / 4 * 3;
        let beyond = [(); 2].map(|()| Arc::new(Semaphore::new(1)));
        let (all, runs) = (Arc::new(Semaphore::new(units)), Arc::new(Semaphore::new(run_units)));
        Self(Arc::new(Inner { all, runs, units, run_units, beyond }))
    }

    /// Room for one step of work, or for a run.
    pub fn room(&self, part: Part) -> Room {
        Room(Arc::new(Shares { memory: self.clone(), part, standing: watch::Sender::default() }))
    }

    /// Bytes that are taken, but for those beyond the budget.
    pub fn taken(&self) -> usize {
        self.0.units.saturating_sub(self.0.all.available_permits()) * UNIT
    }

    fn beyond(&self, part: Part) -> Arc<Semaphore> {
        let [live, run] = &self.0.beyond;
        match part {
            Part::Live => live.clone(),
            Part::Runs => run.clone(),
        }
    }
}

/// Room for the mails of one step of work. Clones are the same room.
#[derive(Debug, Clone)]
pub struct Room(Arc<Shares>);

#[derive(Debug)]
struct Shares {
    memory: Memory,
    part: Part,
    standing: watch::Sender<Standing>,
}

/// How a room stands.
#[derive(Debug, Default)]
struct Standing {
    /// Its entries.
    held: usize,
    /// It is the one that goes beyond the budget.
    beyond: Option<OwnedSemaphorePermit>,
}

/// Permits of one entry.
#[derive(Debug)]
struct Units {
    all: OwnedSemaphorePermit,
    /// The same number, of what runs may take.
    run: Option<OwnedSemaphorePermit>,
}

impl Room {
    /// Waits for the memory that a fetch takes at first. The answer's size is told by [`Entry::fit`] or [`Entry::grow`].
    pub async fn enter(&self) -> Entry {
        let units = self.acquire(ENTRY / UNIT).await;
        self.0.standing.send_modify(|standing| standing.held += 1);
        Entry::new(self.clone(), units)
    }

    /// Most units one entry can have.
    fn most(&self) -> usize {
        match self.0.part {
            Part::Live => self.0.memory.0.units,
            Part::Runs => self.0.memory.0.run_units,
        }
    }

    /// Units in turn; `None`: beyond the budget.
    async fn acquire(&self, units: usize) -> Option<Units> {
        let units = count(units);
        let Inner { all, runs, .. } = &*self.0.memory.0;
        // The semaphores are never closed; without a permit a body would only be read unweighed.
        match self.0.part {
            Part::Runs => {
                let run = runs.clone().acquire_many_owned(units).await.ok();
                Some(Units { all: all.clone().acquire_many_owned(units).await.ok()?, run })
            }
            Part::Live => tokio::select! {
                biased;
                all = all.clone().acquire_many_owned(units) => Some(Units { all: all.ok()?, run: None }),
                () = self.go_beyond() => None,
            },
        }
    }

    /// Units that are free now.
    fn try_acquire(&self, units: usize) -> Option<Units> {
        let units = count(units);
        let Inner { all, runs, .. } = &*self.0.memory.0;
        let run = match self.0.part {
            Part::Runs => Some(runs.clone().try_acquire_many_owned(units).ok()?),
            Part::Live => None,
        };
        Some(Units { all: all.clone().try_acquire_many_owned(units).ok()?, run })
    }

    /// Waits until the room, which holds something that others may wait for, is the one to go beyond the budget.
    async fn go_beyond(&self) {
        let mut standing = self.0.standing.subscribe();
        drop(standing.wait_for(|standing| standing.held > 0).await);
        let beyond = self.0.memory.beyond(self.0.part);
        tokio::select! {
            biased;
            _is = standing.wait_for(|standing| standing.beyond.is_some()) => {}
            permit = beyond.acquire_owned() => {
                self.0.standing.send_modify(|standing| standing.beyond = permit.ok());
            }
        }
    }

    fn leave(&self) {
        self.0.standing.send_modify(|standing| {
            standing.held = standing.held.saturating_sub(1);
            if standing.held == 0 {
                standing.beyond = None;
            }
        });
    }
}

fn count(units: usize) -> u32 {
    u32::try_from(units).unwrap_or(u32::MAX)
}

#[cfg(test)]
#[path = "memory_tests.rs"]
mod tests;
