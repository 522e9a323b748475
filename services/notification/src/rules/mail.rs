//! Mails: who is told of a new one, and of one the account sent.

use chrono::TimeDelta;
use postrider_contracts::mailbox::{AttachmentStored, EmailSummary};
use postrider_domain::text::truncate;
use postrider_domain::{ConnectorId, Timestamp, labels};
use serde_json::json;

use super::decision::Verdict;
use super::draft::{Draft, members};
use super::kind::Kind;
use super::origin::OwnDigest;
use super::recipient::Recipient;
use super::silence::silenced;

/// Longest title, in bytes.
const MAX_TITLE: usize = 200;
/// A mail older than this when it turns up was imported, or moved here from elsewhere: its user does not wait for it.
const NEW_FOR: TimeDelta = TimeDelta::days(7);
/// What stands for an empty subject.
const NO_SUBJECT: &str = "(no subject)";

/// `email.received`: one `new_message` for each mail, never for our own digests, drafts, sent copies, what is read or
/// archived already (which is how a muted thread shows), imported old mail, nor for spam and trash unless the account
/// shows them.
pub fn received(mail: &EmailSummary, own: OwnDigest, to: &Recipient) -> Verdict {
    let business_key = mail_key(to.account.id, &mail.message_id);
    let type_off = (!to.wants(Kind::NewMessage)).then_some("type_off");
    if let Some(reason) = never(mail, own, to).or(type_off) {
        return to.withhold(Kind::NewMessage, business_key, reason);
    }
    let (name, email) = sender(mail);
    let shown = if name.is_empty() { email } else { name };
    let (title, subject) = (format!("New message from {shown}"), subject(mail));
    let labels = mail.labels.iter().map(|label| (label.id.as_str(), label.name.as_str()));
    let draft = Draft {
        sender_email: filled(email),
        sender_name: filled(name),
        folder: filled(&mail.folder),
        data: json!({ "threadId": mail.thread_id, "hasAttachments": mail.has_attachments,
                      "receivedAt": mail.internal_date_ms, "snippet": mail.snippet }),
        email_id: filled(&mail.email_id),
        message_id: filled(&mail.message_id),
        silenced: silenced(&to.preferences, email, labels),
        // Not proved, or it would not be here: another user's, or a forged one. A mail less does no harm.
        ours: !mail.origin.is_empty(),
        event_members: members([
            ("sender", json!(shown)),
            ("subject", json!(subject)),
            ("folder", json!(mail.folder)),
            ("messageId", json!(mail.message_id)),
            ("emailId", json!(mail.email_id)),
        ]),
        ..Draft::new(Kind::NewMessage, business_key, shortened(&title), subject.to_owned())
    };
    to.tell(draft, "type_on")
}

/// `email.sent`: off unless wanted, and then no trace of it is kept.
pub fn sent(mail: &EmailSummary, own: OwnDigest, to: &Recipient) -> Verdict {
    if own.0 || to.is_erased() || !to.wants(Kind::MessageSent) {
        return Verdict::Ignore;
    }
    let recipient = mail.to.first().map_or("", |to| to.email.as_str());
    let business_key = mail_key(to.account.id, &mail.message_id);
    let (title, subject) = (format!("Message sent to {recipient}"), subject(mail));
    let draft = Draft {
        folder: filled(&mail.folder),
        data: json!({ "threadId": mail.thread_id, "recipient": recipient }),
        email_id: filled(&mail.email_id),
        message_id: filled(&mail.message_id),
        event_members: members([("recipient", json!(recipient)), ("subject", json!(subject))]),
        ..Draft::new(Kind::MessageSent, business_key, shortened(&title), subject.to_owned())
    };
    to.tell(draft, "type_on")
}

/// `attachment.stored`: only for a fetch a user asked for, and only if wanted.
pub fn attachment(stored: &AttachmentStored, to: &Recipient) -> Verdict {
    if !stored.asked_for || !to.wants(Kind::AttachmentDownloaded) || to.is_erased() {
        return Verdict::Ignore;
    }
    let business_key = format!("{}/{}/{}", to.account.id, stored.email_id, stored.attachment_id);
    let (title, message) = ("Attachment downloaded".to_owned(), shortened(&stored.filename));
    let draft = Draft {
        data: json!({ "attachmentId": stored.attachment_id, "sizeBytes": stored.size_bytes }),
        email_id: filled(&stored.email_id),
        event_members: members([
            ("emailId", json!(stored.email_id)),
            ("filename", json!(stored.filename)),
            ("sizeBytes", json!(stored.size_bytes)),
        ]),
        ..Draft::new(Kind::AttachmentDownloaded, business_key, title, message)
    };
    to.tell(draft, "type_on")
}

/// One notification for each mail of an account: Gmail's message ids are unique in one mailbox only.
fn mail_key(account: ConnectorId, message_id: &str) -> String {
    format!("{account}/{message_id}")
}

fn never(mail: &EmailSummary, own: OwnDigest, to: &Recipient) -> Option<&'static str> {
    let has = |wanted: &str| mail.labels.iter().any(|label| label.id == wanted);
    let hidden = has(labels::SPAM) || has(labels::TRASH);
    let chosen = to.account.is_chosen(mail.labels.iter().map(|label| label.id.as_str()));
    let filtered = !to.account.label_filter_passes(mail.labels.iter().map(|label| label.id.as_str()));
    [
        (own.0, "own_digest"),
        (to.is_erased(), "account_erased"),
        (has(labels::DRAFT), "draft"),
        (has(labels::SENT), "sent_copy"),
        (hidden && !to.account.include_spam_trash, "spam_or_trash"),
        (filtered, "label_filter"),
        (is_old(mail, to), "old_mail"),
        (!has(labels::UNREAD), "read_already"),
        (!has(labels::INBOX) && !hidden && !chosen, "archived"),
    ]
    .into_iter()
    .find_map(|(applies, reason)| applies.then_some(reason))
}

fn is_old(mail: &EmailSummary, to: &Recipient) -> bool {
    // 0 where the event does not say.
    let date = Timestamp::from_timestamp_millis(mail.internal_date_ms).filter(|_date| mail.internal_date_ms != 0);
    date.is_some_and(|date| to.at - date > NEW_FOR)
}

fn shortened(title: &str) -> String {
    truncate(title, MAX_TITLE).to_owned()
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
