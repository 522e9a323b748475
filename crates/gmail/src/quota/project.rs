//! The project's limit as one replica sees it.
//!
//! A replica claims units of the current slice from the shared counter and spends them locally. What it does not spend is
//! lost with the slice, never carried over: so no minute can hold more than the limit, whatever the number of replicas.

use std::sync::Arc;

use parking_lot::Mutex;
use postrider_domain::{Clock, Timestamp};

use super::called::Held;
use super::governor::nap;
use super::slices::{Slice, SliceRule, SliceStore};
use super::{Lane, ProjectDay};

/// The answer to [`ProjectBucket::take`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProjectTake {
    /// The units are spent.
    Taken,
    /// Claim this much from the store, report it by [`ProjectBucket::granted`], then take again.
    Claim { slice: Slice, lane: Lane, units: u32, cap: u32 },
    /// The slice is used up for this lane.
    WaitUntil(Timestamp),
}

/// One replica's part of the current slice. Pure: the store is asked by [`ProjectGate`].
#[derive(Debug)]
pub struct ProjectBucket {
    rule: SliceRule,
    slice: Slice,
    /// Claimed and unspent, for any lane.
    left: u32,
    /// Claimed for live mail and unspent. Kept apart: it may lie above the lower lanes' caps.
    live: u32,
    /// The lowest cap at which the store refused in this slice.
    full_at: Option<u32>,
}

impl ProjectBucket {
    pub fn new(rule: SliceRule) -> Self {
        Self { rule, slice: Slice(i64::MIN), left: 0, live: 0, full_at: None }
    }

    /// Takes `units` for `lane` from what was claimed, or says what to do first.
    pub fn take(&mut self, units: u32, lane: Lane, now: Timestamp) -> ProjectTake {
        self.turn(self.rule.slice(now));
        let live = if lane == Lane::Live { self.live.min(units) } else { 0 };
        if let Some(left) = self.left.checked_sub(units - live) {
            (self.left, self.live) = (left, self.live - live);
            return ProjectTake::Taken;
        }
        let cap = self.rule.cap(lane);
        if units > cap || self.full_at.is_some_and(|full| cap <= full) {
            return ProjectTake::WaitUntil(self.rule.begin(Slice(self.slice.0 + 1)));
        }
        // Ahead of what is needed, so that the store is asked a few times a slice, not once a call.
        let missing = units - live - self.left;
        ProjectTake::Claim { slice: self.slice, lane, units: missing.max(self.rule.units() / 16), cap }
    }

    /// What the store granted for a claim. Anything granted for a slice that has passed is lost.
    pub fn granted(&mut self, claimed: ProjectTake, granted: u32) {
        let ProjectTake::Claim { slice, lane, units, cap } = claimed else {
            return;
        };
        if slice != self.slice {
            return;
        }
        let pocket = if lane == Lane::Live { &mut self.live } else { &mut self.left };
        *pocket += granted.min(units);
        if granted < units {
            self.full_at = Some(self.full_at.map_or(cap, |full| full.max(cap)));
        }
    }

    /// Moves on to a new slice.
    fn turn(&mut self, slice: Slice) {
        // A clock that went back must not open a used slice again.
        if slice > self.slice {
            *self = Self { slice, ..Self::new(self.rule) };
        }
    }
}

/// The project's limit as the governors of one replica see it: one gate, shared.
pub struct ProjectGate {
    bucket: Mutex<ProjectBucket>,
    store: Arc<dyn SliceStore>,
    clock: Arc<dyn Clock>,
    day: Option<ProjectDay>,
}

impl ProjectGate {
    pub fn new(rule: SliceRule, store: Arc<dyn SliceStore>, clock: Arc<dyn Clock>) -> Self {
        Self { bucket: Mutex::new(ProjectBucket::new(rule)), store, clock, day: None }
    }

    /// With a limit for the day besides.
    #[must_use]
    pub fn with_day(self, day: ProjectDay) -> Self {
        Self { day: Some(day), ..self }
    }

    /// The project's day, where it is counted.
    pub fn day(&self) -> Option<&ProjectDay> {
        self.day.as_ref()
    }

    /// Waits until `units` are taken; refused where the day does not allow them.
    pub async fn take(&self, units: u32, lane: Lane) -> Result<(), Held> {
        if let Some(day) = &self.day {
            day.spend(units, lane).await?;
        }
        self.take_of_slice(units, lane).await;
        Ok(())
    }

    async fn take_of_slice(&self, units: u32, lane: Lane) {
        loop {
            let now = self.clock.now();
            let step = self.bucket.lock().take(units, lane, now);
            match step {
                ProjectTake::Taken => return,
                ProjectTake::Claim { slice, units, cap, .. } => {
                    let granted = self.store.claim(slice, units, cap).await;
                    self.bucket.lock().granted(step, granted);
                }
                ProjectTake::WaitUntil(then) => nap(then - now, 1).await,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use postrider_domain::MockClock;
    use proptest::prelude::*;

    use super::*;
    use crate::quota::LocalSlices;

    fn start() -> Timestamp {
        MockClock::default().now()
    }

    #[tokio::test]
    async fn a_full_slice_for_backfill_is_open_for_live() {
        let rule = SliceRule::new(1_200_000, 100);
        let clock = MockClock::default();
        let gate = ProjectGate::new(rule, Arc::new(LocalSlices::default()), Arc::new(clock.clone()));
        for _ in 0..199 {
            gate.take(20, Lane::Backfill).await.unwrap();
        }
        let waiting = gate.take(20, Lane::Backfill);
        tokio::pin!(waiting);
        assert!(futures_util::poll!(&mut waiting).is_pending());
        gate.take(20, Lane::Live).await.unwrap();
        clock.advance(TimeDelta::milliseconds(250));
        waiting.await.unwrap();
    }

    /// Two replicas over one store.
    fn spend(rule: SliceRule, calls: &[(i64, u32, usize, usize)]) -> Vec<(Timestamp, u32)> {
        let store = LocalSlices::default();
        let mut replicas = [ProjectBucket::new(rule), ProjectBucket::new(rule)];
        let mut now = start();
        let mut taken = Vec::new();
        for (gap, units, lane, replica) in calls {
            now += TimeDelta::milliseconds(*gap);
            let bucket = &mut replicas[*replica];
            loop {
                match bucket.take(*units, Lane::ALL[*lane], now) {
                    ProjectTake::Taken => {
                        taken.push((now, *units));
                        break;
                    }
                    step @ ProjectTake::Claim { slice, units, cap, .. } => {
                        let granted = futures_util::FutureExt::now_or_never(store.claim(slice, units, cap));
                        bucket.granted(step, granted.unwrap());
                    }
                    ProjectTake::WaitUntil(then) => {
                        assert!(then > now);
                        break;
                    }
                }
            }
        }
        taken
    }

    proptest! {
        #[test]
        fn replicas_together_never_exceed_the_limit_in_any_minute(
            limit in 1_000_u32..60_000,
            calls in proptest::collection::vec((0_i64..700, 1_u32..101, 0_usize..4, 0_usize..2), 1..500),
        ) {
            let taken = spend(SliceRule::new(limit, 100), &calls);
            prop_assert!(!taken.is_empty());
            for (from, _) in &taken {
                let until = *from + TimeDelta::minutes(1);
                let sum: u32 = taken.iter().filter(|(at, _)| at >= from && *at < until).map(|(_, units)| units).sum();
                prop_assert!(sum <= limit, "{sum} > {limit}");
            }
        }
    }
}
