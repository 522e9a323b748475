//! Places in streams: what is missing between them, and how far a head may move. No IO.

use std::collections::HashMap;

use postrider_contracts::Envelope;

pub(super) fn seq(event: &Envelope) -> Option<i64> {
    event.position.as_ref().map(|position| position.seq)
}

/// What the producer answered.
#[derive(Default)]
pub(super) struct Pulled {
    pub(super) events: Vec<Envelope>,
    /// Streams whose answer began later than asked: everything before this number is older than the outbox keeps.
    pub(super) lost_before: HashMap<String, i64>,
}

impl Pulled {
    /// Takes an answer to "what comes after `after`?".
    pub(super) fn add(&mut self, stream: &str, after: i64, events: Vec<Envelope>) {
        if let Some(first) = events.first().and_then(seq).filter(|first| *first > after + 1) {
            self.lost_before.insert(stream.to_owned(), first);
        }
        self.events.extend(events);
    }
}

/// Whether something is missing between the heads and the events (sorted by position).
pub(super) fn has_gap(heads: &HashMap<String, i64>, events: &[&Envelope]) -> bool {
    let mut reached = heads.clone();
    events.iter().filter_map(|event| event.position.as_ref()).any(|position| {
        let head = reached.entry(position.stream.clone()).or_default();
        let gap = position.seq > *head + 1;
        *head = position.seq.max(*head);
        gap
    })
}

/// Moves each head over what is now known without a gap. A hole the producer itself no longer has is passed, loudly.
pub(super) fn advance(heads: &mut HashMap<String, i64>, events: &[&Envelope], lost_before: &HashMap<String, i64>) {
    for position in events.iter().filter_map(|event| event.position.as_ref()) {
        let Some(head) = heads.get_mut(&position.stream) else { continue };
        let lost = lost_before.get(&position.stream) == Some(&position.seq) && position.seq > *head + 1;
        if lost {
            tracing::error!(stream = %position.stream, lost_from = *head + 1, lost_to = position.seq - 1,
                "events of {} are older than the outbox keeps", position.stream);
        }
        if lost || position.seq == *head + 1 {
            *head = position.seq;
        }
    }
}

#[cfg(test)]
mod tests {
    use postrider_contracts::Position;
    use postrider_contracts::mailbox::SyncStarted;
    use postrider_domain::{EventId, Timestamp};

    use super::*;

    fn at(stream: &str, seq: i64) -> Envelope {
        let mut event = Envelope::of(EventId(uuid::Uuid::nil()), Timestamp::default(), &SyncStarted::default());
        event.position = Some(Position { stream: stream.to_owned(), seq });
        event
    }

    fn heads(of: &[(&str, i64)]) -> HashMap<String, i64> {
        of.iter().map(|(stream, head)| ((*stream).to_owned(), *head)).collect()
    }

    #[test]
    fn a_gap_is_what_neither_the_head_nor_the_batch_covers() {
        type Places = &'static [(&'static str, i64)];
        let table: &[(Places, Places, bool)] = &[
            (&[("a", 3)], &[("a", 4), ("a", 5)], false),
            (&[("a", 3)], &[("a", 5)], true),
            (&[("a", 3)], &[("a", 4), ("a", 6)], true),
            (&[("a", 3)], &[("a", 2), ("a", 3)], false),
            (&[("a", 3)], &[("a", 2), ("a", 4)], false),
            (&[], &[("a", 1)], false),
            (&[], &[("a", 2)], true),
            (&[("a", 3), ("b", 0)], &[("a", 4), ("b", 2)], true),
            (&[("a", 3), ("b", 0)], &[("a", 4), ("b", 1)], false),
            (&[("a", 3)], &[], false),
        ];
        for (known, seqs, gap) in table {
            let events: Vec<Envelope> = seqs.iter().map(|(stream, seq)| at(stream, *seq)).collect();
            assert_eq!(has_gap(&heads(known), &events.iter().collect::<Vec<_>>()), *gap, "{known:?} {seqs:?}");
        }
    }

    #[test]
    fn a_head_stops_before_a_gap_unless_it_is_lost() {
        let events = [at("a", 4), at("a", 6)];
        let events: Vec<&Envelope> = events.iter().collect();
        let mut known = heads(&[("a", 3)]);
        advance(&mut known, &events, &HashMap::new());
        assert_eq!(known, heads(&[("a", 4)]));
        advance(&mut known, &events, &heads(&[("a", 6)]));
        assert_eq!(known, heads(&[("a", 6)]));
    }
}
