//! An event of a mailbox as programs read it: in the feed, on the stream, in webhooks.

use postrider_contracts::mailbox::{
    Address, AttachmentStored, EmailBatchStored, EmailDeleted, EmailLabelsChanged, EmailReceived, EmailRestored,
    EmailSent, EmailSummary, Label, MailboxCoverage, QuotaWarning, RunState, SyncCompleted, SyncFailed, SyncProgressed,
    SyncStarted,
};
use postrider_contracts::{Envelope, EnvelopeError, Event};
use postrider_domain::Timestamp;
use serde_json::{Value, json};

/// The members that hold content of mails or name people; an endpoint without `include_content` is not sent them.
const CONTENT: [&str; 7] = ["subject", "snippet", "from", "to", "cc", "filename", "rfc_message_id"];

/// Its type without the version, and its members. A type this version does not know has none.
///
/// # Errors
/// A payload that is not what its type says.
pub fn entry(event: &Envelope) -> Result<(String, Value), EnvelopeError> {
    let data = match event.event_type.as_str() {
        EmailReceived::TYPE => email(event.decode::<EmailReceived>()?.email),
        EmailSent::TYPE => email(event.decode::<EmailSent>()?.email),
        EmailLabelsChanged::TYPE => labels_changed(&event.decode()?),
        EmailDeleted::TYPE => {
            let EmailDeleted { email_id, message_id, trashed, erased, references, .. } = event.decode()?;
            let references: Vec<Value> =
                references.iter().map(|held| json!({ "kind": held.kind, "ref": held.r#ref })).collect();
            json!({ "email_id": email_id, "message_id": message_id, "trashed": trashed, "erased": erased,
                    "references": references })
        }
        EmailRestored::TYPE => {
            let EmailRestored { email_id, message_id, trashed, .. } = event.decode()?;
            json!({ "email_id": email_id, "message_id": message_id, "trashed": trashed })
        }
        EmailBatchStored::TYPE => {
            let EmailBatchStored { run_id, count, email_ids } = event.decode()?;
            json!({ "run_id": run_id, "count": count, "email_ids": email_ids })
        }
        SyncStarted::TYPE => run(event.decode::<SyncStarted>()?.run),
        SyncProgressed::TYPE => run(event.decode::<SyncProgressed>()?.run),
        SyncCompleted::TYPE => run(event.decode::<SyncCompleted>()?.run),
        SyncFailed::TYPE => run(event.decode::<SyncFailed>()?.run),
        AttachmentStored::TYPE => {
            let AttachmentStored { email_id, attachment_id, filename, size_bytes, .. } = event.decode()?;
            json!({ "email_id": email_id, "attachment_id": attachment_id, "filename": filename,
                    "size_bytes": size_bytes })
        }
        QuotaWarning::TYPE => {
            let QuotaWarning { percent_used, scope } = event.decode()?;
            json!({ "percent_used": percent_used, "scope": scope })
        }
        MailboxCoverage::TYPE => {
            let MailboxCoverage { in_gmail, in_mirror, missing, extra, run_id } = event.decode()?;
            json!({ "in_gmail": in_gmail, "in_mirror": in_mirror, "missing": missing, "extra": extra,
                    "run_id": run_id })
        }
        _ => json!({}),
    };
    Ok((plain(&event.event_type).to_owned(), without_nul(data)))
}

/// `email.received.v1` is `email.received` to programs: a changed meaning gets another name there.
pub fn plain(event_type: &str) -> &str {
    event_type.rsplit_once(".v").map_or(event_type, |(name, _version)| name)
}

/// The members without content of mails.
pub fn thin(data: Value) -> Value {
    match data {
        Value::Object(members) => {
            members.into_iter().filter(|(name, _)| !CONTENT.contains(&name.as_str())).collect::<Value>()
        }
        other => other,
    }
}

/// Every type that a feed or an endpoint can name.
pub fn types() -> impl Iterator<Item = &'static str> {
    let of_mailbox = postrider_contracts::CATALOG.iter().filter(|event| event.source == "sync-worker");
    of_mailbox.map(|event| plain(event.name)).chain(["notification.created", "trigger.fired"])
}

fn email(summary: Option<EmailSummary>) -> Value {
    let mail = summary.unwrap_or_default();
    json!({
        "email_id": mail.email_id,
        "message_id": mail.message_id,
        "thread_id": mail.thread_id,
        "rfc_message_id": mail.rfc_message_id,
        "from": mail.from.as_ref().map(person),
        "to": mail.to.iter().map(person).collect::<Vec<_>>(),
        "cc": mail.cc.iter().map(person).collect::<Vec<_>>(),
        "subject": mail.subject,
        "snippet": mail.snippet,
        "labels": mail.labels.iter().map(label).collect::<Vec<_>>(),
        "folder": mail.folder,
        "has_attachments": mail.has_attachments,
        "received_at": time(mail.internal_date_ms),
        "history_id": mail.history_id.to_string(),
    })
}

fn labels_changed(change: &EmailLabelsChanged) -> Value {
    let labels = |labels: &[Label]| labels.iter().map(label).collect::<Vec<_>>();
    json!({
        "email_id": change.email_id,
        "message_id": change.message_id,
        "added": labels(&change.added),
        "removed": labels(&change.removed),
        "labels": labels(&change.labels),
        "folder": change.folder,
        "unread": change.unread,
        "trashed": change.trashed,
        "spam": change.spam,
        "history_id": change.history_id.to_string(),
    })
}

fn run(state: Option<RunState>) -> Value {
    let run = state.unwrap_or_default();
    json!({
        "run_id": run.run_id,
        "kind": run.kind,
        "reason": run.reason,
        "listed": run.listed,
        "fetched": run.fetched,
        "stored": run.stored,
        "deleted": run.deleted,
        "failed": run.failed,
        "new_emails": run.new_emails,
        "error": (!run.error.is_empty()).then_some(run.error),
        "started_at": time(run.started_at_ms),
        "finished_at": time(run.finished_at_ms),
    })
}

fn person(address: &Address) -> Value {
    json!({ "name": address.name, "email": address.email })
}

fn label(label: &Label) -> Value {
    json!({ "id": label.id, "name": label.name })
}

/// 0 is "not said".
fn time(millis: i64) -> Option<Timestamp> {
    Timestamp::from_timestamp_millis(millis).filter(|_time| millis != 0)
}

fn without_nul(value: Value) -> Value {
    super::draft::value_without_nul(value)
}

#[cfg(test)]
mod tests {
    use postrider_domain::EventId;
    use uuid::Uuid;

    use super::*;

    fn of<E: Event>(event: &E) -> (String, Value) {
        entry(&Envelope::of(EventId(Uuid::nil()), Timestamp::default(), event)).unwrap()
    }

    #[test]
    fn a_mail_shows_what_its_event_carries_and_thin_says_nothing_of_it() {
        let mail = EmailSummary {
            email_id: "e".to_owned(),
            subject: "Lu\0nch".to_owned(),
            from: Some(Address { name: "John".to_owned(), email: "j@b.c".to_owned() }),
            internal_date_ms: 1_000,
            ..EmailSummary::default()
        };
        let (kind, data) = of(&EmailReceived { email: Some(mail) });
        assert_eq!((kind.as_str(), &data["subject"]), ("email.received", &json!("Lu\u{fffd}nch")));
        assert_eq!((&data["from"]["email"], &data["received_at"]), (&json!("j@b.c"), &json!("1970-01-01T00:00:01Z")));
        let text = thin(data).to_string();
        assert!(text.contains("\"email_id\":\"e\"") && !text.contains("nch") && !text.contains("j@b.c"), "{text}");
    }

    #[test]
    fn types_have_no_version_and_stand_there_once() {
        let mut all: Vec<_> = types().collect();
        assert!(all.contains(&"email.received") && all.contains(&"mailbox.coverage") && all.contains(&"trigger.fired"));
        assert!(all.iter().all(|name| !name.contains(".v")));
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
    }
}
