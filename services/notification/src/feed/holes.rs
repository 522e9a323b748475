//! Numbers that no entry has: of an event that could not be read, or that nobody could tell any more. The feed says so, so
//! that a reader never takes silence for "nothing happened".

use std::collections::BTreeMap;

use postrider_domain::{ConnectorId, Timestamp};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::store::feed::{Entry, Span};

/// The type of the entry that stands for them.
pub const LOST: &str = "events.lost";

/// Puts an entry for each run of numbers that is missing in these spans. `found` has at most `limit` of each account, in the
/// order of their numbers; before the first that is kept nothing is missing for a reader without a place.
pub(super) fn told(spans: &[Span], found: Vec<Entry>, limit: usize, now: Timestamp) -> Vec<Entry> {
    let mut accounts: BTreeMap<ConnectorId, Vec<Entry>> = BTreeMap::new();
    for entry in found {
        accounts.entry(entry.account_id).or_default().push(entry);
    }
    let mut all = Vec::new();
    for span in spans {
        let entries = accounts.remove(&span.account).unwrap_or_default();
        let (whole, mut before, mut time) = (entries.len() < limit, span.after, now);
        for entry in entries {
            time = entry.time;
            all.extend(before.and_then(|before| lost(span.account, before, entry.seq, time)));
            before = Some(entry.seq);
            all.push(entry);
        }
        let end = before.filter(|_| whole);
        all.extend(end.and_then(|before| lost(span.account, before, span.until + 1, time)));
    }
    all
}

fn lost(account: ConnectorId, before: i64, next: i64, time: Timestamp) -> Option<Entry> {
    let (from, to) = (before + 1, next - 1);
    (from <= to).then(|| Entry {
        account_id: account,
        seq: to,
        event_id: name(account, from, to),
        kind: LOST.to_owned(),
        time,
        data: json!({ "from_seq": from, "to_seq": to }),
    })
}

/// The same for the same numbers.
fn name(account: ConnectorId, from: i64, to: i64) -> Uuid {
    let digest = Sha256::digest(format!("{LOST}/{account}/{from}/{to}"));
    let mut bytes = [0; 16];
    bytes.copy_from_slice(digest.first_chunk::<16>().unwrap_or(&[0; 16]));
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCOUNT: ConnectorId = ConnectorId(Uuid::from_u128(1));

    fn numbers(after: impl Into<Option<i64>>, until: i64, found: &[i64], limit: usize) -> Vec<(i64, i64)> {
        let entry = |seq: &i64| Entry {
            account_id: ACCOUNT,
            seq: *seq,
            event_id: Uuid::nil(),
            kind: "email.received".to_owned(),
            time: Timestamp::default(),
            data: json!({}),
        };
        let spans = [Span { account: ACCOUNT, after: after.into(), until }];
        let all = told(&spans, found.iter().map(entry).collect(), limit, Timestamp::default());
        all.iter().map(|entry| (entry.data["from_seq"].as_i64().unwrap_or(entry.seq), entry.seq)).collect()
    }

    #[test]
    fn each_run_that_is_missing_is_told_once_and_nothing_that_was_not_looked_at() {
        assert_eq!(numbers(2, 9, &[4, 5, 9], 10), [(3, 3), (4, 4), (5, 5), (6, 8), (9, 9)]);
        // Behind a full page there may be more.
        assert_eq!(numbers(2, 9, &[3, 4], 2), [(3, 3), (4, 4)]);
        assert_eq!(numbers(2, 9, &[3, 4], 3), [(3, 3), (4, 4), (5, 9)]);
        assert_eq!(numbers(2, 4, &[], 3), [(3, 4)]);
        // Who has no place begins with what is kept; the place before the first is one.
        assert_eq!(numbers(None, 4, &[3], 3), [(3, 3), (4, 4)]);
        assert_eq!(numbers(None, 4, &[], 3), []);
        assert_eq!(numbers(0, 4, &[3], 3), [(1, 2), (3, 3), (4, 4)]);
    }

    #[test]
    fn its_id_is_the_same_at_every_reading() {
        assert_eq!(name(ACCOUNT, 1, 2), name(ACCOUNT, 1, 2));
        assert_ne!(name(ACCOUNT, 1, 2), name(ACCOUNT, 1, 3));
    }
}
