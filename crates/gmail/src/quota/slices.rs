//! The project's minute in short slices of time, and the counter that all replicas share.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::DateTime;
use parking_lot::Mutex;
use postrider_domain::Timestamp;

use super::Lane;

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

/// A slice counter in memory: one process alone (the connector's reserve), and tests.
#[derive(Debug, Default)]
pub struct LocalSlices(Mutex<BTreeMap<Slice, u32>>);

#[async_trait]
impl SliceStore for LocalSlices {
    async fn claim(&self, slice: Slice, units: u32, cap: u32) -> u32 {
        let mut slices = self.0.lock();
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
    use postrider_domain::{Clock as _, MockClock};

    use super::*;

    #[test]
    fn slices_last_250_ms_where_the_limit_allows() {
        let rule = SliceRule::new(1_200_000, 100);
        assert_eq!((rule.length_ms, rule.units()), (250, 4_979));
        assert_eq!(rule.cap(Lane::Backfill), 3_983);
        let small = SliceRule::new(1_000, 100);
        assert_eq!((small.length_ms, small.units(), small.cap(Lane::Backfill)), (30_000, 333, 266));
        assert!(rule.begin(rule.slice(MockClock::default().now())) <= MockClock::default().now());
    }
}
