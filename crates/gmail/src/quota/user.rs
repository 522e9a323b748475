//! The bucket of one user: refills continuously, never more than the limit in any minute.

use chrono::TimeDelta;
use postrider_domain::Timestamp;

use super::{Claimed, Lane, UnitsClaim};

/// Millionths of a unit, so that refilling by the microsecond loses nothing.
const MICRO: i64 = 1_000_000;
const MINUTE_MICROS: i64 = 60_000_000;

/// What may be spent at once, one in so many units of the minute. Refilling gives the rest, so this part is lost to work that
/// never pauses.
const BURST: i64 = 40;

/// A token bucket whose capacity and refill of one minute add up to the limit: whatever the calls' pattern, no window
/// of 60 s holds more than the limit.
#[derive(Debug, Clone)]
pub struct UserBucket {
    capacity: i64,
    /// Units refilled in a minute.
    per_minute: i64,
    /// Millionths of a unit there were at `at`.
    micro: i64,
    at: Timestamp,
}

/// A bucket as it is saved at checkpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SavedBucket {
    /// Millionths of a unit left: whole ones would lose a fraction with each claim.
    pub micro: i64,
    /// When they were left.
    pub at: Timestamp,
}

impl UserBucket {
    /// A bucket for `limit` units a minute that starts empty, as that of a stolen lease must: nobody knows what the
    /// former holder spent. It holds one in [`BURST`] units of the limit, or one call of `dearest` units where that is more.
    pub fn empty(limit: u32, dearest: u32, now: Timestamp) -> Self {
        let limit = i64::from(limit.max(1));
        let capacity = (limit / BURST).max(i64::from(dearest)).clamp(1, limit);
        Self { capacity, per_minute: (limit - capacity).max(1), micro: 0, at: now }
    }

    /// A bucket that goes on where the saved one stopped.
    pub fn restore(limit: u32, dearest: u32, saved: SavedBucket, now: Timestamp) -> Self {
        let mut bucket = Self::empty(limit, dearest, now.min(saved.at));
        let full = bucket.capacity * MICRO;
        bucket.micro = saved.micro.clamp(-full, full);
        bucket.refill(now);
        bucket
    }

    /// What to save at a checkpoint.
    pub fn save(&mut self, now: Timestamp) -> SavedBucket {
        self.refill(now);
        SavedBucket { micro: self.micro, at: self.at }
    }

    /// Units there are now.
    pub fn units(&mut self, now: Timestamp) -> i64 {
        self.refill(now);
        self.micro.div_euclid(MICRO)
    }

    /// The most it can hold.
    pub fn capacity(&self) -> i64 {
        self.capacity
    }

    /// Takes `units` for `lane`, or says how long to wait for them. A call that costs more than the lane could ever
    /// find is let through at a full bucket, and leaves a debt.
    pub fn take(&mut self, units: u32, lane: Lane, now: Timestamp) -> Result<(), TimeDelta> {
        let wait = self.wait(units, lane, now);
        if wait > TimeDelta::zero() {
            return Err(wait);
        }
        self.micro -= i64::from(units) * MICRO;
        Ok(())
    }

    /// Answers a claim: what is needed, or how long to wait for it; and of what is welcome beside it as much as the lane
    /// finds.
    pub fn claim(&mut self, claim: UnitsClaim, now: Timestamp) -> Claimed {
        let UnitsClaim { units, ahead, lane, drained } = claim;
        if drained {
            self.drain(now);
        }
        if let Err(wait) = self.take(units, lane, now) {
            return Claimed::Wait(wait);
        }
        let found = (self.micro - self.reserve(lane) * MICRO).div_euclid(MICRO).clamp(0, i64::from(ahead));
        self.micro -= found * MICRO;
        Claimed::Granted(units.saturating_add(u32::try_from(found).unwrap_or(0)))
    }

    /// Units that were claimed and not spent come back.
    pub fn give_back(&mut self, units: u32, now: Timestamp) {
        self.refill(now);
        self.micro = (self.micro + i64::from(units) * MICRO).min(self.capacity * MICRO);
    }

    fn reserve(&self, lane: Lane) -> i64 {
        self.capacity * i64::try_from(lane.user_reserve_percent()).unwrap_or(0) / 100
    }

    /// How long until `units` can be taken for `lane`; zero if now.
    pub fn wait(&mut self, units: u32, lane: Lane, now: Timestamp) -> TimeDelta {
        self.refill(now);
        let wanted = (i64::from(units) + self.reserve(lane)).min(self.capacity) * MICRO;
        let missing = wanted - self.micro;
        if missing <= 0 {
            return TimeDelta::zero();
        }
        // per_minute units in MINUTE_MICROS µs: missing/1e6 units take missing × 60 / per_minute µs, rounded up.
        TimeDelta::microseconds((missing * (MINUTE_MICROS / MICRO)).div_euclid(self.per_minute) + 1)
    }

    /// Google says the minute is spent, whatever we counted (another program of the same user, another replica).
    pub fn drain(&mut self, now: Timestamp) {
        self.refill(now);
        self.micro = self.micro.min(0);
    }

    /// Adds what the time since the last look refilled. A clock that went back adds nothing and takes nothing.
    fn refill(&mut self, now: Timestamp) {
        let Some(elapsed) = (now - self.at).num_microseconds().filter(|micros| *micros > 0) else {
            return;
        };
        // After two minutes the bucket is full in any case; the cap keeps the product small.
        let elapsed = elapsed.min(2 * MINUTE_MICROS);
        let gained = elapsed.saturating_mul(self.per_minute) / (MINUTE_MICROS / MICRO);
        self.micro = self.micro.saturating_add(gained).min(self.capacity * MICRO);
        self.at = now;
    }
}

#[cfg(test)]
mod tests {
    use postrider_domain::{Clock, MockClock};
    use proptest::prelude::*;

    use super::*;

    fn start() -> Timestamp {
        MockClock::default().now()
    }

    #[test]
    fn starts_empty_and_refills_to_its_capacity() {
        let mut bucket = UserBucket::empty(6_000, 100, start());
        assert_eq!(bucket.units(start()), 0);
        assert_eq!(bucket.units(start() + TimeDelta::seconds(1)), 97);
        assert_eq!(bucket.units(start() + TimeDelta::hours(1)), 150);
    }

    #[test]
    fn says_exactly_how_long_to_wait() {
        let mut bucket = UserBucket::empty(6_000, 100, start());
        let wait = bucket.take(20, Lane::Live, start()).unwrap_err();
        let now = start() + wait;
        assert!(bucket.take(20, Lane::Live, now - TimeDelta::milliseconds(1)).is_err());
        assert!(bucket.take(20, Lane::Live, now).is_ok());
    }

    #[test]
    fn backfill_leaves_a_reserve_that_live_can_take() {
        let mut bucket = UserBucket::empty(6_000, 100, start());
        let now = start() + TimeDelta::minutes(1);
        let mut gets = 0;
        while bucket.take(20, Lane::Backfill, now).is_ok() {
            gets += 1;
        }
        assert_eq!(gets, 4);
        for _ in 0..3 {
            assert!(bucket.take(20, Lane::Live, now).is_ok());
        }
    }

    #[test]
    fn saved_and_restored_it_counts_the_time_between() {
        let mut bucket = UserBucket::empty(6_000, 100, start());
        let mut now = start();
        // However often it is saved, no fraction is lost.
        for _ in 0..100 {
            now += TimeDelta::milliseconds(7);
            let saved = bucket.save(now);
            bucket = UserBucket::restore(6_000, 100, saved, now);
        }
        assert_eq!(bucket.save(now), SavedBucket { micro: 68_250_000, at: now });
        let forged = SavedBucket { micro: i64::MAX, at: now + TimeDelta::days(9) };
        assert_eq!(UserBucket::restore(6_000, 100, forged, now).units(now), 150);
    }

    #[test]
    fn a_claim_gets_what_it_needs_or_a_time_and_ahead_of_it_what_the_lane_finds() {
        let mut bucket = UserBucket::empty(6_000, 100, start());
        let claim = |lane| UnitsClaim { units: 20, ahead: 30, lane, drained: false };
        let now = start() + TimeDelta::minutes(1);
        // 150 in it, of which a backfill leaves 52.
        for granted in [50, 48] {
            assert_eq!(bucket.claim(claim(Lane::Backfill), now), Claimed::Granted(granted));
        }
        assert!(matches!(bucket.claim(claim(Lane::Backfill), now), Claimed::Wait(_)));
        assert_eq!(bucket.claim(claim(Lane::Live), now), Claimed::Granted(50));
        bucket.give_back(30, now);
        assert_eq!(bucket.units(now), 32);
        bucket.give_back(9_000, now);
        assert_eq!(bucket.units(now), 150);
        let drained = UnitsClaim { drained: true, ..claim(Lane::Live) };
        assert!(matches!(bucket.claim(drained, now), Claimed::Wait(_)));
    }

    proptest! {
        /// Whatever is asked for and whenever: no window of a minute holds more than the limit.
        #[test]
        fn never_exceeds_the_limit_in_any_minute(
            limit in 200_u32..20_000,
            idle in 0_i64..200_000,
            calls in proptest::collection::vec((0_i64..3_000, 1_u32..101, 0_usize..4), 1..600),
        ) {
            let mut bucket = UserBucket::empty(limit, 100, start());
            let mut now = start() + TimeDelta::milliseconds(idle);
            let mut taken: Vec<(Timestamp, u32)> = Vec::new();
            for (gap, units, lane) in calls {
                now += TimeDelta::milliseconds(gap);
                if bucket.take(units, Lane::ALL[lane], now).is_ok() {
                    taken.push((now, units));
                }
            }
            for (from, _) in &taken {
                let until = *from + TimeDelta::minutes(1);
                let sum: u32 = taken.iter().filter(|(at, _)| at >= from && *at < until).map(|(_, units)| units).sum();
                prop_assert!(sum <= limit, "{sum} > {limit}");
            }
        }
    }
}
