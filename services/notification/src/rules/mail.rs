//! Mails: who is told of a new one, and of one the account sent.

use postrider_contracts::mailbox::{AttachmentStored, EmailSummary};
use postrider_domain::labels;
use postrider_domain::text::truncate;
use postrider_domain::{ConnectorId, Timestamp};
use serde_json::json;

use super::account::Account;
use super::decision::{Because, Verdict, against, for_row};
use super::draft::{Draft, members};
use super::kind::Kind;
use super::preferences::Preferences;
use super::silence::silenced;

/// Longest title, in bytes.
const MAX_TITLE: usize = 200;
/// What stands for an empty subject.
const NO_SUBJECT: &str = "(no subject)";

/// `email.received`: one `new_message` for each mail, never for our own digests, drafts, sent copies, nor for spam and
/// trash unless the account shows them.
pub fn received(mail: &EmailSummary, account: &Account, preferences: &Preferences, event_time: Timestamp) -> Verdict {
    let business_key = mail_key(account.id, &mail.message_id);
    if let Some(reason) = never(mail, account, event_time) {
        return Verdict::Suppress {
            kind: Kind::NewMessage,
            business_key,
            decision: against(reason, preferences, event_time),
        };
    }
    if !preferences.wants(Kind::NewMessage) {
        return Verdict::Suppress {
            kind: Kind::NewMessage,
            business_key,
            decision: against("type_off", preferences, event_time),
        };
    }
    let (name, email) = sender(mail);
    let shown = if name.is_empty() { email } else { name };
    let subject = subject(mail);
    let labels = mail.labels.iter().map(|label| (label.id.as_str(), label.name.as_str()));
    let silence = silenced(preferences, email, labels);
    Verdict::Raise(Box::new(Draft {
        kind: Kind::NewMessage,
        business_key,
        title: truncate(&format!("New message from {shown}"), MAX_TITLE).to_owned(),
        message: subject.to_owned(),
        sender_email: filled(email),
        sender_name: filled(name),
        folder: filled(&mail.folder),
        data: json!({ "threadId": mail.thread_id, "hasAttachments": mail.has_attachments,
                      "receivedAt": mail.internal_date_ms, "snippet": mail.snippet }),
        email_id: filled(&mail.email_id),
        message_id: filled(&mail.message_id),
        silenced: silence.is_some(),
        decisions: for_row(Because("type_on"), silence, preferences, event_time),
        event_members: members([
            ("sender", json!(shown)),
            ("subject", json!(subject)),
            ("folder", json!(mail.folder)),
            ("messageId", json!(mail.message_id)),
            ("emailId", json!(mail.email_id)),
        ]),
    }))
}

/// `email.sent`: off unless wanted, and then no trace of it is kept.
pub fn sent(mail: &EmailSummary, account: &Account, preferences: &Preferences, event_time: Timestamp) -> Verdict {
    if mail.own_digest || account.erased_at(event_time) || !preferences.wants(Kind::MessageSent) {
        return Verdict::Ignore;
    }
    let recipient = mail.to.first().map_or("", |to| to.email.as_str());
    let subject = subject(mail);
    Verdict::Raise(Box::new(Draft {
        kind: Kind::MessageSent,
        business_key: mail_key(account.id, &mail.message_id),
        title: truncate(&format!("Message sent to {recipient}"), MAX_TITLE).to_owned(),
        message: subject.to_owned(),
        sender_email: None,
        sender_name: None,
        folder: filled(&mail.folder),
        data: json!({ "threadId": mail.thread_id, "recipient": recipient }),
        email_id: filled(&mail.email_id),
        message_id: filled(&mail.message_id),
        silenced: false,
        decisions: for_row(Because("type_on"), None, preferences, event_time),
        event_members: members([("recipient", json!(recipient)), ("subject", json!(subject))]),
    }))
}

/// `attachment.stored`: only for a fetch a user asked for, and only if wanted.
pub fn attachment(
    stored: &AttachmentStored,
    account: &Account,
    preferences: &Preferences,
    event_time: Timestamp,
) -> Verdict {
    let wanted = stored.asked_for && preferences.wants(Kind::AttachmentDownloaded);
    if !wanted || account.erased_at(event_time) {
        return Verdict::Ignore;
    }
    Verdict::Raise(Box::new(Draft {
        kind: Kind::AttachmentDownloaded,
        business_key: format!("{}/{}/{}", account.id, stored.email_id, stored.attachment_id),
        title: "Attachment downloaded".to_owned(),
        message: truncate(&stored.filename, MAX_TITLE).to_owned(),
        sender_email: None,
        sender_name: None,
        folder: None,
        data: json!({ "attachmentId": stored.attachment_id, "sizeBytes": stored.size_bytes }),
        email_id: filled(&stored.email_id),
        message_id: None,
        silenced: false,
        decisions: for_row(Because("type_on"), None, preferences, event_time),
        event_members: members([
            ("emailId", json!(stored.email_id)),
            ("filename", json!(stored.filename)),
            ("sizeBytes", json!(stored.size_bytes)),
        ]),
    }))
}

/// One notification for each mail of an account: Gmail's message ids are unique in one mailbox only.
fn mail_key(account: ConnectorId, message_id: &str) -> String {
    format!("{account}/{message_id}")
}

fn never(mail: &EmailSummary, account: &Account, event_time: Timestamp) -> Option<&'static str> {
    let has = |wanted: &str| mail.labels.iter().any(|label| label.id == wanted);
    let hidden = has(labels::SPAM) || has(labels::TRASH);
    let filtered = !account.label_filter_passes(mail.labels.iter().map(|label| label.id.as_str()));
    [
        (mail.own_digest, "own_digest"),
        (account.erased_at(event_time), "account_erased"),
        (has(labels::DRAFT), "draft"),
        (has(labels::SENT), "sent_copy"),
        (hidden && !account.include_spam_trash, "spam_or_trash"),
        (filtered, "label_filter"),
    ]
    .into_iter()
    .find_map(|(applies, reason)| applies.then_some(reason))
}

fn sender(mail: &EmailSummary) -> (&str, &str) {
    mail.from.as_ref().map_or(("", ""), |from| (from.name.as_str(), from.email.as_str()))
}

fn subject(mail: &EmailSummary) -> &str {
    if mail.subject.is_empty() { NO_SUBJECT } else { &mail.subject }
}

fn filled(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
#[path = "mail_tests.rs"]
pub(super) mod tests;
