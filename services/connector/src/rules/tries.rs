//! How often and how soon a transaction is tried again.

use std::time::Duration;

use postrider_runtime::backoff::Backoff;

/// Further tries after another transaction made the same row or changed it first: the next one finds it done.
const AFTER_RACES: u32 = 3;
/// How long a database that is away is waited for: a restart or a failover, and well below what callers wait.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSES: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(1));

/// Why a transaction failed that may succeed the next time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// It met another transaction.
    Race,
    /// The database cannot answer now.
    Away,
}

/// The failures of one piece of work so far.
#[derive(Debug, Default)]
pub struct Tries {
    races: u32,
    away: u32,
}

impl Tries {
    /// How long to wait before the next try; `None` to give up. `elapsed` counts from the first try, `jitter` is in
    /// `[0, 1)`.
    pub fn next(&mut self, failure: Failure, elapsed: Duration, jitter: f64) -> Option<Duration> {
        match failure {
            Failure::Race => {
                self.races += 1;
                (self.races <= AFTER_RACES).then_some(Duration::ZERO)
            }
            Failure::Away => {
                let pause = PAUSES.delay(self.away, jitter);
                self.away += 1;
                (elapsed < PATIENCE).then_some(pause)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_race_is_tried_again_at_once_and_not_for_ever() {
        let mut tries = Tries::default();
        for _ in 0..3 {
            assert_eq!(tries.next(Failure::Race, Duration::ZERO, 0.5), Some(Duration::ZERO));
        }
        assert_eq!(tries.next(Failure::Race, Duration::ZERO, 0.5), None);
    }

    #[test]
    fn a_database_that_is_away_is_waited_for_about_ten_seconds() {
        for jitter in [0.0, 0.999] {
            let (mut tries, mut elapsed, mut count) = (Tries::default(), Duration::ZERO, 0);
            while let Some(pause) = tries.next(Failure::Away, elapsed, jitter) {
                assert!(pause >= Duration::from_millis(50), "{pause:?}");
                elapsed += pause;
                count += 1;
            }
            assert!((10..=11).contains(&elapsed.as_secs()), "{elapsed:?}");
            assert!((10..=30).contains(&count), "{count}");
        }
    }

    #[test]
    fn time_spent_inside_the_tries_counts() {
        let mut tries = Tries::default();
        assert!(tries.next(Failure::Away, Duration::from_millis(9_900), 0.5).is_some());
        assert_eq!(tries.next(Failure::Away, Duration::from_secs(10), 0.5), None);
    }
}
