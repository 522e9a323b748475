//! Which mails notify.

use postrider_contracts::mailbox::{Address, Label};
use postrider_domain::{AccountStatus, Clock, MockClock, UserId};
use uuid::Uuid;

use super::*;
use crate::rules::account::{Account, LabelFilter};
use crate::rules::preferences::{Preferences, Sender};

pub(in crate::rules) fn account() -> Account {
    Account {
        id: ConnectorId(Uuid::from_u128(7)),
        owner: UserId::parse("u1").unwrap(),
        status: AccountStatus::Active,
        erase: false,
        label_filter: LabelFilter::Off,
        label_ids: Vec::new(),
        include_spam_trash: false,
        version_at: MockClock::default().now(),
        first_sync_at: None,
    }
}

/// The owner of that account, who set this.
pub(in crate::rules) fn recipient(account: Account, preferences: Preferences) -> Recipient {
    let now = MockClock::default().now();
    Recipient { account, preferences, at: now, now }
}

fn mail(labels: &[&str]) -> EmailSummary {
    EmailSummary {
        email_id: Uuid::from_u128(1).to_string(),
        message_id: "18c2".to_owned(),
        from: Some(Address { name: "John Doe".to_owned(), email: "john@example.com".to_owned() }),
        subject: "Lunch".to_owned(),
        folder: "Inbox".to_owned(),
        labels: labels
            .iter()
            .chain(&["UNREAD"])
            .map(|id| Label { id: (*id).to_owned(), name: (*id).to_owned() })
            .collect(),
        ..EmailSummary::default()
    }
}

fn reason(verdict: Verdict) -> String {
    match verdict {
        Verdict::Raise(draft) => format!("raised: {}", draft.decisions.first().unwrap().reason),
        Verdict::Suppress { decision, .. } => decision.reason,
        Verdict::Ignore => "ignored".to_owned(),
    }
}

fn verdict(mail: &EmailSummary, account: &Account) -> String {
    reason(received(mail, OwnDigest(false), &recipient(account.clone(), Preferences::default())))
}

#[test]
fn an_inbox_mail_notifies_and_a_sent_draft_spam_or_own_digest_never_does() {
    assert_eq!(verdict(&mail(&["INBOX", "UNREAD"]), &account()), "raised: type_on");
    assert_eq!(verdict(&mail(&["SENT"]), &account()), "sent_copy");
    assert_eq!(verdict(&mail(&["INBOX", "SENT"]), &account()), "sent_copy");
    assert_eq!(verdict(&mail(&["DRAFT"]), &account()), "draft");
    assert_eq!(verdict(&mail(&["SPAM"]), &account()), "spam_or_trash");
    let own = received(&mail(&["INBOX"]), OwnDigest(true), &recipient(account(), Preferences::default()));
    assert_eq!(reason(own), "own_digest");
    let shows = Account { include_spam_trash: true, ..account() };
    assert_eq!(verdict(&mail(&["SPAM"]), &shows), "raised: type_on");
}

#[test]
fn what_is_read_archived_or_old_does_not_notify() {
    let read = EmailSummary { labels: mail(&["INBOX"]).labels.into_iter().take(1).collect(), ..mail(&[]) };
    assert_eq!(verdict(&read, &account()), "read_already");
    assert_eq!(verdict(&mail(&["Label_1"]), &account()), "archived");
    let include = Account { label_filter: LabelFilter::Include, label_ids: vec!["Label_1".to_owned()], ..account() };
    assert_eq!(verdict(&mail(&["Label_1"]), &include), "raised: type_on");
    let dated = |days| {
        let date = MockClock::default().now() - TimeDelta::days(days);
        EmailSummary { internal_date_ms: date.timestamp_millis(), ..mail(&["INBOX"]) }
    };
    assert_eq!(verdict(&dated(7), &account()), "raised: type_on");
    assert_eq!(verdict(&dated(8), &account()), "old_mail");
}

#[test]
fn the_accounts_label_filter_decides() {
    let include = Account { label_filter: LabelFilter::Include, label_ids: vec!["Label_1".to_owned()], ..account() };
    assert_eq!(verdict(&mail(&["INBOX"]), &include), "label_filter");
    assert_eq!(verdict(&mail(&["INBOX", "Label_1"]), &include), "raised: type_on");
    let exclude = Account { label_filter: LabelFilter::Exclude, ..include };
    assert_eq!(verdict(&mail(&["INBOX", "Label_1"]), &exclude), "label_filter");
}

#[test]
fn a_disconnected_account_still_notifies_unless_it_was_erased_later() {
    let gone = Account { status: AccountStatus::Disconnected, ..account() };
    assert_eq!(verdict(&mail(&["INBOX"]), &gone), "raised: type_on");
    let erased = Account { erase: true, ..gone };
    assert_eq!(verdict(&mail(&["INBOX"]), &erased), "account_erased");
    // Connected again, but that event is still on its way: the mail is younger than what we know.
    let stale = Account { version_at: erased.version_at - TimeDelta::seconds(1), ..erased };
    assert_eq!(verdict(&mail(&["INBOX"]), &stale), "raised: type_on");
}

#[test]
fn a_silenced_sender_gives_a_read_row_with_the_reason() {
    let preferences =
        Preferences { silenced_senders: vec![Sender::parse("*@example.com").unwrap()], ..Preferences::default() };
    let Verdict::Raise(draft) = received(&mail(&["INBOX"]), OwnDigest(false), &recipient(account(), preferences))
    else {
        panic!("a silenced mail has a row");
    };
    assert_eq!(draft.silenced, Some("sender_silenced"));
    assert_eq!(draft.decisions.first().unwrap().reason, "sender_silenced");
}

#[test]
fn the_event_has_the_members_of_the_api() {
    let to = recipient(account(), Preferences::default());
    let Verdict::Raise(draft) = received(&mail(&["INBOX"]), OwnDigest(false), &to) else {
        panic!("an inbox mail notifies");
    };
    let payload = draft.payload("n1");
    let mut names: Vec<_> = payload.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["emailId", "folder", "messageId", "notificationId", "sender", "subject"]);
    assert_eq!(payload["sender"], "John Doe");
}
