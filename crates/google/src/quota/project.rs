//! The project's limit, shared by all mailboxes and replicas in short slices of time.
//!
//! A replica claims units of the current slice from a shared counter ([`SliceStore`], a row for each slice in
//! sync-worker) and spends them locally. What it does not spend is lost with the slice, never carried over: so no
//! minute can hold more than the limit, whatever the number of replicas.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use chrono::DateTime;
use domain::{Clock, Timestamp};

use super::Lane;
use super::governor::nap;

/// The number of a slice since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slice(pub i64);

/// How a limit per minute is cut into slices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SliceRule {
    length_ms: i64,
    units: u32,
    dearest: u32,
}

impl SliceRule {
    /// Slices of 250 ms, or longer ones where a limit is so small that the dearest call would not fit.
    pub fn new(per_minute: u32, dearest: u32) -> Self {
        let of_length = |length_ms: i64| {
            // A minute that starts inside a slice touches one slice more than fit into it.
            let touched = u32::try_from(60_000_i64.div_euclid(length_ms) + 1).unwrap_or(u32::MAX);
            Self { length_ms, units: per_minute / touched, dearest }
        };
        [250, 500, 1_000, 2_000, 5_000, 10_000, 20_000]
            .into_iter()
            .map(of_length)
            .find(|rule| rule.units >= dearest.saturating_mul(4))
            .unwrap_or_else(|| of_length(30_000))
    }

    /// The slice an instant lies in.
    pub fn slice(&self, now: Timestamp) -> Slice {
        Slice(now.timestamp_millis().div_euclid(self.length_ms))
    }

    /// When a slice begins.
    pub fn begin(&self, slice: Slice) -> Timestamp {
        DateTime::from_timestamp_millis(slice.0.saturating_mul(self.length_ms)).unwrap_or(DateTime::UNIX_EPOCH)
    }

    /// Units in one slice for all lanes together.
    pub fn units(&self) -> u32 {
        self.units
    }

    /// Up to which count of a slice's units a lane may claim: lower lanes leave the rest to live mail.
    pub fn cap(&self, lane: Lane) -> u32 {
        let share = u64::from(self.units) * lane.project_share_percent() / 100;
        u32::try_from(share).unwrap_or(self.units).max(self.dearest.min(self.units))
    }
}

/// The shared counter of the project's slices.
#[async_trait]
pub trait SliceStore: Send + Sync {
    /// Adds up to `units` to the slice's count without going above `cap`, and says how many were added. Zero also
    /// where the store cannot be reached: the caller tries the next slice.
    async fn claim(&self, slice: Slice, units: u32, cap: u32) -> u32;
}

/// The answer to [`ProjectBucket::take`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProjectTake {
    /// The units are spent.
    Taken,
    /// Claim this much from the store, report it by [`ProjectBucket::granted`], then take again.
    Claim { slice: Slice, units: u32, cap: u32 },
    /// The slice is used up for this lane.
    WaitUntil(Timestamp),
}

/// One replica's part of the current slice. Pure: the store is asked by [`ProjectGate`].
#[derive(Debug)]
pub struct ProjectBucket {
    rule: SliceRule,
    slice: Slice,
    left: u32,
    /// The lowest cap at which the store refused in this slice.
    full_at: Option<u32>,
}

impl ProjectBucket {
    pub fn new(rule: SliceRule) -> Self {
        Self { rule, slice: Slice(i64::MIN), left: 0, full_at: None }
    }

    /// Takes `units` for `lane` from what was claimed, or says what to do first.
    pub fn take(&mut self, units: u32, lane: Lane, now: Timestamp) -> ProjectTake {
        self.turn(self.rule.slice(now));
        if let Some(left) = self.left.checked_sub(units) {
            self.left = left;
            return ProjectTake::Taken;
        }
        let cap = self.rule.cap(lane);
        if units > cap || self.full_at.is_some_and(|full| cap <= full) {
            return ProjectTake::WaitUntil(self.rule.begin(Slice(self.slice.0 + 1)));
        }
        // Lower lanes claim ahead so that the store is asked a few times a slice, not once a call. Live claims what
        // it needs: units claimed above a lower lane's cap would end up in that lane.
        let ahead = if lane == Lane::Live { 0 } else { self.rule.units / 16 };
        ProjectTake::Claim { slice: self.slice, units: (units - self.left).max(ahead), cap }
    }

    /// What the store granted for a claim. Anything granted for a slice that has passed is lost.
    pub fn granted(&mut self, claimed: ProjectTake, granted: u32) {
        let ProjectTake::Claim { slice, units, cap } = claimed else {
            return;
        };
        if slice != self.slice {
            return;
        }
        self.left += granted.min(units);
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
}

impl ProjectGate {
    pub fn new(rule: SliceRule, store: Arc<dyn SliceStore>, clock: Arc<dyn Clock>) -> Self {
        Self { bucket: Mutex::new(ProjectBucket::new(rule)), store, clock }
    }

    /// Waits until `units` are taken.
    pub async fn take(&self, units: u32, lane: Lane) {
        loop {
            let now = self.clock.now();
            let step = self.lock().take(units, lane, now);
            match step {
                ProjectTake::Taken => return,
                ProjectTake::Claim { slice, units, cap } => {
                    let granted = self.store.claim(slice, units, cap).await;
                    self.lock().granted(step, granted);
                }
                ProjectTake::WaitUntil(then) => nap(then - now).await,
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, ProjectBucket> {
        self.bucket.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A slice counter in memory: one process alone (the connector's reserve), and tests.
#[derive(Debug, Default)]
pub struct LocalSlices(Mutex<BTreeMap<Slice, u32>>);

#[async_trait]
impl SliceStore for LocalSlices {
    async fn claim(&self, slice: Slice, units: u32, cap: u32) -> u32 {
        let mut slices = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = slices.entry(slice).or_default();
        let granted = units.min(cap.saturating_sub(*taken));
        *taken += granted;
        while slices.len() > 8 {
            slices.pop_first();
        }
        granted
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use domain::MockClock;
    use proptest::prelude::*;

    use super::*;

    fn start() -> Timestamp {
        MockClock::default().now()
    }

    #[test]
    fn slices_last_250_ms_where_the_limit_allows() {
        let rule = SliceRule::new(1_200_000, 100);
        assert_eq!((rule.length_ms, rule.units()), (250, 4_979));
        assert_eq!(rule.cap(Lane::Backfill), 3_983);
        let small = SliceRule::new(1_000, 100);
        assert_eq!((small.length_ms, small.units(), small.cap(Lane::Backfill)), (30_000, 333, 266));
        assert!(rule.begin(rule.slice(start())) <= start());
    }

    #[tokio::test]
    async fn a_full_slice_for_backfill_is_open_for_live() {
        let rule = SliceRule::new(1_200_000, 100);
        let clock = MockClock::default();
        let gate = ProjectGate::new(rule, Arc::new(LocalSlices::default()), Arc::new(clock.clone()));
        for _ in 0..199 {
            gate.take(20, Lane::Backfill).await;
        }
        let waiting = gate.take(20, Lane::Backfill);
        tokio::pin!(waiting);
        assert!(futures_util::poll!(&mut waiting).is_pending());
        gate.take(20, Lane::Live).await;
        clock.advance(TimeDelta::milliseconds(250));
        waiting.await;
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
                    step @ ProjectTake::Claim { slice, units, cap } => {
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
