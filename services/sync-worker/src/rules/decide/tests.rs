use chrono::TimeDelta;
use postrider_domain::{Clock, EmailId, HistoryId, MessageId, MockClock, ThreadId};
use uuid::Uuid;

use super::*;
use crate::content::fetched::Fetched;
use crate::content::source::Source;
use crate::content::{Content, Mail};
use crate::rules::change::{Delta, Fetch, fetch};

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

fn change(last: u64) -> Change {
    Change::look_at(MessageId::parse("m").unwrap(), None, HistoryId(last))
}

fn there(history_id: u64, labels: &[&str]) -> Fetched {
    let meta = MailMeta {
        id: MessageId::parse("m").unwrap(),
        thread_id: ThreadId::parse("t").unwrap(),
        labels: labels.iter().map(|text| label(text)).collect(),
        history_id: HistoryId(history_id),
        internal_date: MockClock::default().now(),
        snippet: String::new(),
        size: 0,
    };
    Fetched::Mail(Box::new(Mail { meta, content: Content::default(), source: Source::default() }))
}

#[test]
fn an_older_fetch_never_revives_a_tombstone() {
    let tomb = Known { is_deleted: true, stub: true, ..known(1, 20, &[]) };
    assert_eq!(row(&change(10), Some(&tomb), Some(&there(10, &["INBOX"])), 1), Row::Current);
    let revived = row(&change(30), Some(&tomb), Some(&there(30, &["INBOX"])), 1);
    assert!(matches!(revived, Row::Store { .. }));
}

#[test]
fn an_older_delete_does_not_remove_a_newer_row() {
    let delete = Change { deleted: Some(HistoryId(5)), ..change(5) };
    assert_eq!(row(&delete, Some(&known(1, 9, &[])), None, 1), Row::Current);
    assert!(matches!(row(&delete, Some(&known(1, 4, &[])), None, 1), Row::Tombstone { .. }));
    assert!(matches!(row(&delete, None, None, 1), Row::Tombstone { .. }));
    assert!(matches!(row(&delete, Some(&known(0, 9, &[])), None, 1), Row::Tombstone { .. }));
}

#[test]
fn records_are_not_applied_to_rows_of_an_older_generation() {
    let news = Change {
        deltas: vec![Delta { history_id: HistoryId(7), added: vec![label("A")], removed: vec![] }],
        ..change(7)
    };
    assert_eq!(fetch(&news, Some(&known(1, 5, &[])), 2), Some(Fetch::Labels));
    assert_eq!(fetch(&news, Some(&known(2, 5, &[])), 2), None);
    assert_eq!(fetch(&news, None, 2), Some(Fetch::Mail));
    assert!(matches!(row(&news, Some(&known(1, 5, &[])), None, 2), Row::Park { .. }));
}

#[test]
fn deltas_newer_than_a_lagging_answer_are_put_on_top() {
    let news = Change {
        deltas: vec![Delta { history_id: HistoryId(7), added: vec![label("STARRED")], removed: vec![label("UNREAD")] }],
        ..change(7)
    };
    let stored = row(&news, None, Some(&there(5, &["INBOX", "UNREAD"])), 1);
    let labels = vec![label("INBOX"), label("STARRED")];
    assert_eq!(stored, Row::Store { labels, version: Version::new(1, HistoryId(7)) });
}

#[test]
fn a_404_parks_an_added_mail_and_leaves_a_tombstone_alone() {
    assert!(matches!(row(&change(5), None, Some(&Fetched::Missing), 1), Row::Park { reason: Reason::NotVisible, .. }));
    let tomb = Known { is_deleted: true, ..known(1, 4, &[]) };
    let current = row(&change(5), Some(&tomb), Some(&Fetched::Missing), 1);
    assert_eq!(current, Row::Current);
    assert_eq!(end(&change(5), Some(&tomb), &current), End::Tombstoned);
}
