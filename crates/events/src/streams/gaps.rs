//! When to ask the producer about a gap: at once when it is new, then ever more rarely.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// Second question about the same gap: what is only late has come by then.
const BASE: Duration = Duration::from_secs(2);
/// Longest wait between two questions.
const CAP: Duration = Duration::from_secs(60);
/// Gaps remembered; beyond it the memory starts over, which only costs questions.
const MAX: usize = 10_000;

#[derive(Debug, Default)]
pub(super) struct Gaps(Mutex<HashMap<String, (i64, Instant, Duration)>>);

impl Gaps {
    /// Whether to ask now about the gap behind `head` of `stream`.
    pub fn should_ask(&self, stream: &str, head: i64, now: Instant) -> bool {
        let mut gaps = self.0.lock();
        if gaps.len() >= MAX {
            gaps.clear();
        }
        match gaps.get_mut(stream) {
            Some((known, next, wait)) if *known == head => {
                if *next > now {
                    return false;
                }
                *wait = (*wait * 2).min(CAP);
                *next = now + *wait;
                true
            }
            _ => {
                gaps.insert(stream.to_owned(), (head, now + BASE, BASE));
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asks_at_once_then_more_rarely_and_again_when_the_head_moved() {
        let (gaps, start) = (Gaps::default(), Instant::now());
        assert!(gaps.should_ask("s", 4, start));
        assert!(!gaps.should_ask("s", 4, start));
        assert!(gaps.should_ask("s", 4, start + BASE));
        assert!(!gaps.should_ask("s", 4, start + BASE * 2));
        assert!(gaps.should_ask("s", 5, start + BASE * 2));
    }
}
