//! Follow-up looks: Gmail pushes an id seconds before its history shows the records, so after a push, and after a new
//! entry, history is looked at again on a schedule. One schedule a mailbox, from the last of them; nothing sleeps for it.

use chrono::TimeDelta;
use postrider_domain::{HistoryId, Timestamp};

/// Seconds after a push whose records were not seen yet.
const UNSEEN: [i64; 2] = [2, 5];
/// Seconds after the last push or new entry, whatever was seen: records come to light one by one.
const ALWAYS: [i64; 2] = [15, 60];

/// The last push, and what history showed.
#[derive(Debug, Clone, Copy, Default)]
pub struct Fresh {
    pub pushed_at: Option<Timestamp>,
    pub pushed_id: HistoryId,
    /// When history last showed an entry that was new.
    pub entry_at: Option<Timestamp>,
    /// The greatest record applied.
    pub cursor: HistoryId,
}

/// The next look of the schedule after one that began at `looked_at`.
pub fn next(fresh: &Fresh, looked_at: Timestamp) -> Option<Timestamp> {
    let unseen = fresh.pushed_at.filter(|_| fresh.pushed_id > fresh.cursor);
    let after = |from: Option<Timestamp>, seconds: [i64; 2]| {
        let looks = seconds.map(|seconds| from.map(|from| from + TimeDelta::seconds(seconds)));
        looks.into_iter().flatten()
    };
    let looks = after(unseen, UNSEEN).chain(after(fresh.pushed_at.max(fresh.entry_at), ALWAYS));
    looks.filter(|at| *at > looked_at).min()
}

/// When the schedule of a push is over: what history has not shown by then, it may never show.
pub const OVER: TimeDelta = TimeDelta::seconds(ALWAYS[1]);

#[cfg(test)]
mod tests {
    use super::*;
    use postrider_domain::{Clock, MockClock};

    #[test]
    fn early_while_the_pushed_record_was_not_seen_and_twice_in_any_case() {
        let zero = MockClock::default().now();
        let at = |seconds| zero + TimeDelta::seconds(seconds);
        let mut fresh = Fresh { pushed_at: Some(zero), pushed_id: HistoryId(9), entry_at: None, cursor: HistoryId(8) };
        let plan = |fresh: &Fresh| {
            let looks = std::iter::successors(next(fresh, zero), |last| next(fresh, *last));
            looks.map(|look| (look - zero).num_seconds()).collect::<Vec<_>>()
        };
        assert_eq!(plan(&fresh), [2, 5, 15, 60]);
        fresh.cursor = HistoryId(9);
        assert_eq!(plan(&fresh), [15, 60], "a record at the pushed id was seen");
        fresh.entry_at = Some(at(3));
        assert_eq!(plan(&fresh), [18, 63], "each new entry begins it anew");
        assert_eq!(next(&fresh, at(63)), None);
        assert_eq!(next(&Fresh::default(), zero), None, "nothing was ever pushed");
        // An id beyond everything costs two looks of each push, and no more.
        fresh = Fresh { pushed_id: HistoryId(u64::MAX), entry_at: None, ..fresh };
        assert_eq!(plan(&fresh).len(), 4);
    }
}
