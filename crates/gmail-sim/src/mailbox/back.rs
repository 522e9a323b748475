//! History ids that go back for a while, then forward again.
//!
//! Seen in the field: <https://github.com/gauteh/lieer/issues/203>.

use chrono::TimeDelta;
use postrider_domain::Timestamp;

use super::Mailbox;

/// A time in which the mailbox answers history ids far below those its messages carry.
#[derive(Debug, Clone, Copy)]
pub(super) struct Back {
    pub until: Timestamp,
    /// The true id when it began, and the one told instead.
    from: u64,
    to: u64,
    /// New records take the low ids as well.
    renumber: bool,
}

impl Mailbox {
    /// Answers low ids for `span`. With `renumber` the records made meanwhile carry low ids for ever; without it only
    /// the ids told by profile, history, watch and pushes are low, and records keep theirs.
    pub fn go_back(&mut self, now: Timestamp, span: TimeDelta, renumber: bool) {
        self.come_back(now + TimeDelta::milliseconds(1));
        let lowest = self.records.iter().map(|record| record.id).min().unwrap_or(self.floor);
        let to = (lowest.min(self.floor).min(self.head) / 2).max(1);
        self.back = Some(Back { until: now + span, from: self.head, to, renumber });
        if renumber {
            (self.head, self.floor, self.unsorted) = (to, to, true);
        }
    }

    /// Ends the low ids when their time is over; called before anything looks at the mailbox.
    pub fn come_back(&mut self, now: Timestamp) {
        if let Some(back) = self.back.take_if(|back| back.until <= now)
            && back.renumber
        {
            self.head = self.head.max(back.from);
        }
    }

    /// The id that is told for a history id.
    pub(super) fn told(&self, id: u64) -> u64 {
        match &self.back {
            Some(back) if !back.renumber => back.to + id.saturating_sub(back.from),
            _ => id,
        }
    }

    /// The oldest start id that is accepted now.
    pub(super) fn oldest_start(&self) -> u64 {
        self.back.as_ref().map_or(self.floor, |back| back.to.min(self.floor))
    }
}
