//! What a socket certainly received: everything emitted so long ago that a ping sent after it has been answered since.
//!
//! The answers themselves stay inside engineioxide, so the time within which it would have closed a socket that did not
//! answer stands for them. A client's good-bye proves nothing: what was emitted before it may still wait in a buffer.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use crate::rules::Places;

/// Steps remembered inside one confirmation time; more are merged into the youngest, which only confirms later.
const STEPS: u32 = 16;

/// The memory of one session.
#[derive(Debug)]
pub struct Watermark {
    after: Duration,
    steps: VecDeque<Noted>,
    confirmed: Places,
}

/// Emits of a short time, taken together.
#[derive(Debug, Clone, Copy)]
struct Noted {
    opened: Instant,
    /// Time and places of the last of them: confirming later than possible repeats, confirming earlier would lose.
    at: Instant,
    places: Places,
}

impl Watermark {
    /// `after` = `Settings::confirmation`.
    pub fn new(after: Duration) -> Self {
        Self { after, steps: VecDeque::new(), confirmed: Places::default() }
    }

    /// Notes where the cursors are after an emit.
    pub fn note(&mut self, now: Instant, places: Places) {
        let grain = self.after / STEPS;
        let full = self.steps.len() >= usize::try_from(STEPS * 2).unwrap_or(usize::MAX);
        match self.steps.back_mut() {
            Some(last) if full || now.duration_since(last.opened) < grain => (last.at, last.places) = (now, places),
            _ => self.steps.push_back(Noted { opened: now, at: now, places }),
        }
    }

    /// What has become certain since the last call, if anything.
    pub fn confirm(&mut self, now: Instant) -> Option<Places> {
        let mut reached = None;
        while let Some(step) = self.steps.front().filter(|step| now.duration_since(step.at) >= self.after) {
            reached = Some(step.places);
            self.steps.pop_front();
        }
        let reached = reached?;
        let moved = reached != self.confirmed;
        self.confirmed = reached;
        moved.then_some(reached)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn confirms_only_what_outlived_the_time_and_stays_bounded() {
        let (start, after) = (Instant::now(), Duration::from_secs(85));
        let mut watermark = Watermark::new(after);
        let places = |n| Places { notifications: n, sync: n };
        for n in 0..10_000_i64 {
            watermark.note(start + Duration::from_millis(10) * u32::try_from(n).unwrap(), places(n));
        }
        assert!(watermark.steps.len() <= 40);
        assert_eq!(watermark.confirm(start + Duration::from_secs(84)), None);
        let certain = watermark.confirm(start + after + Duration::from_secs(50)).unwrap();
        // 50 s into the stream 5,000 had been emitted; never more than that is certain.
        assert!(certain.notifications <= 5_000);
        assert_eq!(watermark.confirm(start + Duration::from_secs(400)), Some(places(9_999)));
        assert_eq!(watermark.confirm(start + Duration::from_secs(500)), None);
    }
}
