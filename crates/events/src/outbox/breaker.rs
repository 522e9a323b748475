//! A breaker for each routing key: one full queue must not stop the events of the others.

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// First pause after a refused publish.
const BASE: Duration = Duration::from_secs(1);
/// Longest pause.
const CAP: Duration = Duration::from_secs(30);

#[derive(Debug, Default)]
pub(super) struct Breakers(HashMap<String, Breaker>);

#[derive(Debug)]
struct Breaker {
    failures: u32,
    until: Instant,
}

impl Breakers {
    /// Whether events of this key may be published now.
    pub fn allows(&self, key: &str, now: Instant) -> bool {
        self.0.get(key).is_none_or(|breaker| breaker.until <= now)
    }

    /// A publish was confirmed: the key is well again.
    pub fn succeeded(&mut self, key: &str) {
        self.0.remove(key);
    }

    /// A publish was refused or returned: pause the key, longer each time.
    pub fn failed(&mut self, key: &str, now: Instant) {
        let breaker = self.0.entry(key.to_owned()).or_insert(Breaker { failures: 0, until: now });
        if breaker.until <= now {
            breaker.until = now + BASE.saturating_mul(1 << breaker.failures.min(5)).min(CAP);
            breaker.failures += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_one_key_longer_each_time_and_leaves_the_others() {
        let mut breakers = Breakers::default();
        let start = Instant::now();
        breakers.failed("a", start);
        assert!(!breakers.allows("a", start));
        assert!(breakers.allows("b", start));
        assert!(breakers.allows("a", start + BASE));
        breakers.failed("a", start + BASE);
        assert!(!breakers.allows("a", start + BASE * 2));
        breakers.succeeded("a");
        assert!(breakers.allows("a", start + BASE));
    }
}
