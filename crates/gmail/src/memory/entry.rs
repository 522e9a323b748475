//! What one mail weighs: taken before its request, fitted to its answer, given back with the last clone of it.

use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;

use super::{ENTRY, Part, Room, UNIT, Units};

/// A fetch under way.
#[derive(Debug)]
pub struct Entry {
    room: Room,
    units: Option<Units>,
    /// A body of a run that is read beyond the budget.
    _beyond: Option<OwnedSemaphorePermit>,
    covers: usize,
}

impl Entry {
    pub(super) fn new(room: Room, units: Option<Units>) -> Self {
        let covers = if units.is_some() { ENTRY } else { usize::MAX };
        Self { room, units, _beyond: None, covers }
    }

    /// The answer has so many bytes.
    pub async fn fit(&mut self, bytes: usize) {
        self.grow(bytes).await;
        let spare = self.covers.saturating_sub(bytes.max(1)) / UNIT;
        if let (Some(units), 1..) = (&mut self.units, spare)
            && self.covers < usize::MAX
        {
            drop(units.all.split(spare));
            if let Some(run) = &mut units.run {
                drop(run.split(spare));
            }
            self.covers -= spare * UNIT;
        }
    }

    /// Makes sure that `bytes` are covered, for answers that do not tell their size. Waits only where nothing is free and
    /// another one has gone beyond the budget already.
    pub async fn grow(&mut self, bytes: usize) {
        while bytes > self.covers {
            // An answer larger than all there is takes all of it.
            let left = self.room.most().saturating_sub(self.covers / UNIT);
            let step = (bytes - self.covers).div_ceil(UNIT).max(ENTRY / UNIT).min(left);
            match (self.room.try_acquire(step).filter(|_| step > 0), &mut self.units) {
                (Some(more), Some(units)) => {
                    units.merge(more);
                    self.covers += step * UNIT;
                }
                _nothing_free => {
                    self.go_beyond().await;
                    self.covers = usize::MAX;
                }
            }
        }
    }

    async fn go_beyond(&mut self) {
        match self.room.0.part {
            Part::Live => self.room.go_beyond().await,
            // Not the room: a run always holds something.
            Part::Runs => {
                self._beyond = self.room.0.memory.beyond(Part::Runs).acquire_owned().await.ok();
            }
        }
    }

    /// The weight of the mail that was read.
    pub fn hold(self) -> Weight {
        Weight(Some(Arc::new(self)))
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.room.leave();
    }
}

impl Units {
    fn merge(&mut self, more: Self) {
        self.all.merge(more.all);
        if let (Some(run), Some(more)) = (&mut self.run, more.run) {
            run.merge(more);
        }
    }
}

/// What a mail takes of the process's memory; given back when the last clone is dropped. By default nothing.
#[derive(Debug, Clone, Default)]
pub struct Weight(Option<Arc<Entry>>);

impl Weight {
    /// Whether it is counted.
    pub fn is_counted(&self) -> bool {
        self.0.is_some()
    }
}

/// What a mail weighs is no part of what it says.
impl PartialEq for Weight {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

impl Eq for Weight {}
