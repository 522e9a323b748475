use chrono::TimeDelta;
use postrider_domain::{Clock, MockClock};
use uuid::Uuid;

use super::*;
use crate::rules::fold::Delta;

fn label(text: &str) -> LabelId {
    LabelId::parse(text).unwrap()
}

fn known(generation: i32, history_id: u64, labels: &[&str]) -> Known {
    Known {
        email_id: EmailId(Uuid::from_u128(1)),
        message_id: MessageId::parse("m").unwrap(),
        version: Version::new(generation, HistoryId(history_id)),
        stub: false,
        is_deleted: false,
        labels: labels.iter().map(|text| label(text)).collect(),
        received_at: MockClock::default().now() - TimeDelta::hours(1),
        announced: false,
    }
}

fn action(last: u64) -> Action {
    Action::look_at(MessageId::parse("m").unwrap(), None, HistoryId(last))
}

fn there(history_id: u64, labels: &[&str]) -> Learned {
    let labels = labels.iter().map(|text| label(text)).collect();
    Learned::There { labels, history_id: HistoryId(history_id), body: true }
}

#[test]
fn an_older_fetch_never_revives_a_tombstone() {
    let tomb = Known { is_deleted: true, stub: true, ..known(1, 20, &[]) };
    assert_eq!(verdict(&action(10), Some(&tomb), Some(&there(10, &["INBOX"])), 1), Verdict::Current);
    let revived = verdict(&action(30), Some(&tomb), Some(&there(30, &["INBOX"])), 1);
    assert!(matches!(revived, Verdict::Store { .. }));
}

#[test]
fn an_older_delete_does_not_remove_a_newer_row() {
    let delete = Action { deleted: Some(HistoryId(5)), ..action(5) };
    assert_eq!(verdict(&delete, Some(&known(1, 9, &[])), None, 1), Verdict::Current);
    assert!(matches!(verdict(&delete, Some(&known(1, 4, &[])), None, 1), Verdict::Tombstone { .. }));
    assert!(matches!(verdict(&delete, None, None, 1), Verdict::Tombstone { .. }));
    assert!(matches!(verdict(&delete, Some(&known(0, 9, &[])), None, 1), Verdict::Tombstone { .. }));
}

#[test]
fn records_are_not_applied_to_rows_of_an_older_generation() {
    let news = Action {
        deltas: vec![Delta { history_id: HistoryId(7), added: vec![label("A")], removed: vec![] }],
        ..action(7)
    };
    assert_eq!(need(&news, Some(&known(1, 5, &[])), 2), Need::Meta);
    assert_eq!(need(&news, Some(&known(2, 5, &[])), 2), Need::Nothing);
    assert_eq!(need(&news, None, 2), Need::Mail);
    assert!(matches!(verdict(&news, Some(&known(1, 5, &[])), None, 2), Verdict::Park { .. }));
}

#[test]
fn deltas_newer_than_a_lagging_answer_are_put_on_top() {
    let news = Action {
        deltas: vec![Delta { history_id: HistoryId(7), added: vec![label("STARRED")], removed: vec![label("UNREAD")] }],
        ..action(7)
    };
    let stored = verdict(&news, None, Some(&there(5, &["INBOX", "UNREAD"])), 1);
    let labels = vec![label("INBOX"), label("STARRED")];
    assert_eq!(stored, Verdict::Store { labels, version: Version::new(1, HistoryId(7)) });
}

#[test]
fn a_404_parks_an_added_mail_and_leaves_a_tombstone_alone() {
    assert!(matches!(
        verdict(&action(5), None, Some(&Learned::Missing), 1),
        Verdict::Park { reason: Reason::NotVisible, .. }
    ));
    let tomb = Known { is_deleted: true, ..known(1, 4, &[]) };
    let current = verdict(&action(5), Some(&tomb), Some(&Learned::Missing), 1);
    assert_eq!(current, Verdict::Current);
    assert_eq!(end(&action(5), Some(&tomb), &current), End::Tombstoned);
}
