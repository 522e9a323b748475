use chrono::TimeDelta;
use postrider_domain::{Clock, EmailId, HistoryId, MessageId, MockClock, ThreadId};
use postrider_gmail::Weight;
use uuid::Uuid;

use super::*;
use crate::content::fetched::Fetched;
use crate::content::source::Source;
use crate::content::{Content, Mail};
use crate::rules::change::{Fetch, fetch};

const NOTHING: Waits = Waits(None);

fn ids(generation: i32) -> Ids {
    Ids::rising(generation)
}

fn label(text: &str) -> LabelId {
    LabelId::parse(text).unwrap()
}

fn known(generation: i32, history_id: u64, labels: &[&str]) -> Known {
    Known {
        email_id: EmailId(Uuid::from_u128(1)),
        message_id: MessageId::parse("m").unwrap(),
        version: Version::new(generation, HistoryId(history_id)),
        fetched: HistoryId(history_id),
        stub: false,
        is_deleted: false,
        labels: labels.iter().map(|text| label(text)).collect(),
        received_at: MockClock::default().now() - TimeDelta::hours(1),
        announced: false,
    }
}

fn change(last: u64) -> Change {
    Change::look_at(MessageId::parse("m").unwrap(), None, HistoryId(last))
}

fn there(history_id: u64, labels: &[&str]) -> Fetched {
    let meta = MailMeta {
        id: MessageId::parse("m").unwrap(),
        thread_id: ThreadId::parse("t").unwrap(),
        labels: labels.iter().map(|text| label(text)).collect(),
        history_id: HistoryId(history_id),
        internal_date: Some(MockClock::default().now()),
        snippet: String::new(),
        size: 0,
    };
    Fetched::Mail(Box::new(Mail {
        meta,
        content: Content::default(),
        source: Source::default(),
        memory: Weight::default(),
    }))
}

#[test]
fn an_older_fetch_never_revives_a_tombstone() {
    let tomb = Known { is_deleted: true, stub: true, ..known(1, 20, &[]) };
    assert_eq!(row(&change(10), Some(&tomb), Some(&there(10, &["INBOX"])), NOTHING, &ids(1)), Row::Current);
    let revived = row(&change(30), Some(&tomb), Some(&there(30, &["INBOX"])), NOTHING, &ids(1));
    assert!(matches!(revived, Row::Store { .. }));
}

#[test]
fn an_older_delete_does_not_remove_a_newer_row() {
    let delete = Change { deleted: Some(HistoryId(5)), ..change(5) };
    assert_eq!(row(&delete, Some(&known(1, 9, &[])), None, NOTHING, &ids(1)), Row::Current, "it was fetched since");
    assert!(matches!(row(&delete, Some(&known(1, 4, &[])), None, NOTHING, &ids(1)), Row::Tombstone { .. }));
    assert!(matches!(row(&delete, None, None, NOTHING, &ids(1)), Row::Tombstone { .. }));
    assert!(matches!(row(&delete, Some(&known(0, 9, &[])), None, NOTHING, &ids(1)), Row::Tombstone { .. }));
}

#[test]
fn records_are_not_applied_to_rows_of_an_older_generation() {
    let news = Change {
        deltas: vec![Delta { history_id: HistoryId(7), added: vec![label("A")], removed: vec![] }],
        ..change(7)
    };
    assert_eq!(fetch(&news, Some(&known(1, 5, &[])), false, &ids(2)), Some(Fetch::Labels));
    assert_eq!(fetch(&news, Some(&known(2, 5, &[])), false, &ids(2)), None);
    assert_eq!(fetch(&news, None, false, &ids(2)), Some(Fetch::Mail));
    assert!(matches!(row(&news, Some(&known(1, 5, &[])), None, NOTHING, &ids(2)), Row::Park { .. }));
}

#[test]
fn deltas_newer_than_a_lagging_answer_are_put_on_top() {
    let news = Change {
        deltas: vec![Delta { history_id: HistoryId(7), added: vec![label("STARRED")], removed: vec![label("UNREAD")] }],
        ..change(7)
    };
    let stored = row(&news, None, Some(&there(5, &["INBOX", "UNREAD"])), NOTHING, &ids(1));
    let labels = vec![label("INBOX"), label("STARRED")];
    assert_eq!(stored, Row::Store { labels, version: Version::new(1, HistoryId(7)), fetched: HistoryId(5) });
}

#[test]
fn a_404_parks_an_added_mail_and_leaves_a_tombstone_alone() {
    assert!(matches!(
        row(&change(5), None, Some(&Fetched::Missing), NOTHING, &ids(1)),
        Row::Park { reason: Reason::NotVisible, .. }
    ));
    let tomb = Known { is_deleted: true, ..known(1, 4, &[]) };
    let current = row(&change(5), Some(&tomb), Some(&Fetched::Missing), NOTHING, &ids(1));
    assert_eq!(current, Row::Current);
    assert_eq!(end(&change(5), Some(&tomb), &current), End::Tombstoned);
}

fn star(record: u64, row: u64) -> (Change, Known) {
    let delta = Delta { history_id: HistoryId(record), added: vec![label("STARRED")], removed: vec![] };
    (Change { deltas: vec![delta], ..change(record) }, Known { fetched: HistoryId(5), ..known(1, row, &["INBOX"]) })
}

#[test]
fn a_record_that_comes_to_light_behind_the_row_is_asked_about() {
    // Record 9 was replayed on an answer of version 5; record 7 was hidden.
    let (late, known) = star(7, 9);
    assert_eq!(fetch(&late, Some(&known), false, &ids(1)), Some(Fetch::Labels));
    assert!(matches!(row(&late, Some(&known), None, NOTHING, &ids(1)), Row::Park { .. }));
    let answered = row(&late, Some(&known), Some(&there(9, &["INBOX", "STARRED"])), NOTHING, &ids(1));
    let labels = vec![label("INBOX"), label("STARRED")];
    let version = Version::new(1, HistoryId(9));
    assert_eq!(answered, Row::Relabel { labels, version, fetched: Some(HistoryId(9)) });
    // The fetch already held it.
    let (held, known) = star(4, 9);
    assert_eq!(fetch(&held, Some(&known), false, &ids(1)), None);
    assert_eq!(row(&held, Some(&known), None, NOTHING, &ids(1)), Row::Current);
}

#[test]
fn an_answer_older_than_the_row_or_the_record_is_asked_for_again() {
    let (late, known) = star(7, 9);
    for told in [6, 8] {
        let row = row(&late, Some(&known), Some(&there(told, &["INBOX"])), NOTHING, &ids(1));
        assert!(matches!(row, Row::Park { reason: Reason::Stale, .. }), "{told}: {row:?}");
        assert_eq!(end(&late, Some(&known), &row), End::Parked);
    }
    // With a newer record beside it, the answer would undo what was replayed since.
    let newer = Delta { history_id: HistoryId(11), added: vec![label("IMPORTANT")], removed: vec![] };
    let both = Change { deltas: [late.deltas.clone(), vec![newer.clone()]].concat(), ..change(11) };
    let undone = row(&both, Some(&known), Some(&there(7, &["INBOX", "UNREAD", "STARRED"])), NOTHING, &ids(1));
    assert!(matches!(undone, Row::Park { reason: Reason::Stale, .. }), "{undone:?}");
    // A run's answer that is older than the row leaves it alone.
    let alone = row(&change(20), Some(&known), Some(&there(7, &["INBOX", "UNREAD"])), NOTHING, &ids(1));
    assert_eq!(alone, Row::Current);
    // Told for a quarter of an hour: it is so.
    let taken = row(&late, Some(&known), Some(&there(6, &["INBOX"])), NOTHING, &ids(1).taking());
    let labels = vec![label("INBOX"), label("STARRED")];
    assert_eq!(taken, Row::Relabel { labels, version: Version::new(1, HistoryId(9)), fetched: Some(HistoryId(6)) });
    let added = Change { added: Some(HistoryId(7)), ..change(7) };
    let early = row(&added, None, Some(&there(6, &["INBOX"])), NOTHING, &ids(1));
    assert!(matches!(early, Row::Park { reason: Reason::Stale, .. }));
    let waits = Waits(Some(HistoryId(8)));
    let look = row(&change(8), Some(&known), Some(&there(7, &["INBOX"])), waits, &ids(1));
    assert!(matches!(look, Row::Park { reason: Reason::Stale, .. }), "what waits is not answered by less");
}

#[test]
fn a_deletion_that_comes_to_light_behind_the_row_is_believed_after_a_404() {
    let late = Change { deleted: Some(HistoryId(7)), ..change(7) };
    let known = Known { fetched: HistoryId(5), ..known(1, 9, &["INBOX"]) };
    assert_eq!(fetch(&late, Some(&known), false, &ids(1)), Some(Fetch::Labels));
    let gone = row(&late, Some(&known), Some(&Fetched::Missing), NOTHING, &ids(1));
    assert_eq!(gone, Row::Tombstone { version: Version::new(1, HistoryId(9)) });
    let stale = row(&late, Some(&known), Some(&there(6, &[])), NOTHING, &ids(1));
    assert!(matches!(stale, Row::Park { reason: Reason::Stale, .. }));
}

#[test]
fn a_mail_named_without_a_word_is_looked_at_unless_the_mirror_is_as_new() {
    let named = Change { named: Some(HistoryId(7)), ..change(7) };
    assert_eq!(fetch(&named, None, false, &ids(1)), Some(Fetch::Mail));
    assert_eq!(fetch(&named, Some(&known(1, 6, &[])), false, &ids(1)), Some(Fetch::Labels));
    assert_eq!(fetch(&named, Some(&known(1, 7, &[])), false, &ids(1)), None);
}

#[test]
fn after_ids_went_back_lower_records_count_against_rows_fetched_since() {
    let capped = Ids { cap: Some(HistoryId(20)), ..ids(2) };
    let stored = row(&change(20), None, Some(&there(9_000, &["INBOX"])), NOTHING, &capped);
    let Row::Store { version, fetched, .. } = stored else { panic!("{stored:?}") };
    assert_eq!((version, fetched), (Version::new(2, HistoryId(20)), HistoryId(20)));
    let (news, _) = star(21, 0);
    let row = row(&news, Some(&known(2, 20, &["INBOX"])), None, NOTHING, &capped);
    assert!(matches!(row, Row::Relabel { .. }));
    // Before it is certain, everything is asked about and taken as it is answered.
    let taking = Ids { take: true, ..ids(1) };
    assert_eq!(fetch(&star(3, 0).0, Some(&known(1, 9_000, &[])), false, &taking), Some(Fetch::Labels));
}

#[test]
fn deltas_replay_only_what_is_newer() {
    let inbox = LabelId::parse("INBOX").unwrap();
    let star = LabelId::parse("STARRED").unwrap();
    let deltas = [
        Delta { history_id: HistoryId(5), added: vec![star.clone()], removed: vec![] },
        Delta { history_id: HistoryId(9), added: vec![], removed: vec![inbox.clone()] },
    ];
    assert_eq!(replay(std::slice::from_ref(&inbox), HistoryId(5), &deltas), vec![]);
    assert_eq!(replay(&[inbox], HistoryId(4), &deltas), vec![star]);
}

#[test]
fn entries_are_counted_once_from_parking_to_the_end() {
    let now = MockClock::default().now();
    let entries = |entries| Change { entries, ..change(5) };
    let (first, later) = (entries(2), entries(0));
    let mut plan = Plan::new(Ids::rising(1), Ground::default(), false, now);
    plan.decide(&Message::new(&first, Some(&Fetched::Missing)));
    assert_eq!(plan.tally, Tally { seen: 2, parked: 2, ..Tally::default() });
    let parked = Parked { attempts: 7, ..plan.park[0].clone() };
    let mut plan = Plan::new(Ids::rising(1), Ground::default(), true, now);
    let decided = plan.decide(&Message { waiting: Some(&parked), ..Message::new(&later, Some(&Fetched::Missing)) });
    assert_eq!(plan.tally, Tally { tombstoned: 2, parked: -2, ..Tally::default() });
    assert!(matches!(decided.row, Row::Tombstone { .. }));
    assert_eq!(plan.unpark.len(), 1);
}
