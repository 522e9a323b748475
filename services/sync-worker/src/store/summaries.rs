//! What events say about a mail.

use postrider_contracts::mailbox::{Address, EmailSummary, Label};
use postrider_domain::text::truncate;
use postrider_domain::{EmailId, TenantId, Timestamp};
use postrider_storage::types::{Array, BigInt, Bool, Integer, Text, Timestamptz, Uuid as SqlUuid};
use postrider_storage::{Error, QueryableByName, Tx, sql};
use std::collections::HashMap;
use uuid::Uuid;

use crate::content::{Person, Recipients};

/// Longest subject and snippet in an event, in bytes.
const SUBJECT_MAX: usize = 256;
const SNIPPET_MAX: usize = 200;
/// Most addresses an event repeats from one header.
const ADDRESSES_MAX: usize = 50;

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    email_id: Uuid,
    #[diesel(sql_type = Text)]
    message_id: String,
    #[diesel(sql_type = Text)]
    thread_id: String,
    #[diesel(sql_type = Text)]
    rfc_message_id: String,
    #[diesel(sql_type = Text)]
    sender_name: String,
    #[diesel(sql_type = Text)]
    sender_email: String,
    #[diesel(sql_type = Text)]
    recipients: String,
    #[diesel(sql_type = Text)]
    subject: String,
    #[diesel(sql_type = Text)]
    snippet: String,
    #[diesel(sql_type = Array<Text>)]
    label_ids: Vec<String>,
    #[diesel(sql_type = Text)]
    folder: String,
    #[diesel(sql_type = Bool)]
    has_attachments: bool,
    #[diesel(sql_type = Timestamptz)]
    received_at: Timestamp,
    #[diesel(sql_type = Text)]
    origin: String,
    #[diesel(sql_type = BigInt)]
    history_id: i64,
    #[diesel(sql_type = Integer)]
    generation: i32,
}

/// Label ids with the names they have, for events.
pub fn named<'a>(ids: impl IntoIterator<Item = &'a str>, names: &HashMap<String, String>) -> Vec<Label> {
    ids.into_iter()
        .map(|id| Label { id: id.to_owned(), name: names.get(id).cloned().unwrap_or_else(|| id.to_owned()) })
        .collect()
}

/// Summaries of mails, in no special order.
pub async fn list(
    tx: &mut Tx,
    tenant: &TenantId,
    emails: &[EmailId],
    names: &HashMap<String, String>,
    pushed_at: Option<Timestamp>,
) -> Result<Vec<(EmailId, Timestamp, EmailSummary)>, Error> {
    let rows = sql("SELECT email_id, message_id, thread_id, rfc_message_id, sender_name, sender_email, \
            recipients::text AS recipients, subject, snippet, label_ids, folder, has_attachments, received_at, origin, \
            history_id, generation \
         FROM emails WHERE tenant = $1 AND email_id = ANY ($2)")
    .bind_as::<Text, _>(tenant.as_str())
    .bind_as::<Array<SqlUuid>, _>(emails.iter().map(|id| id.0).collect::<Vec<_>>())
    .load::<Row>(tx)
    .await?;
    let pushed_at_ms = pushed_at.map_or(0, |at| at.timestamp_millis());
    Ok(rows
        .into_iter()
        .map(|row| {
            let recipients: Recipients = serde_json::from_str(&row.recipients).unwrap_or_default();
            let summary = EmailSummary {
                email_id: row.email_id.to_string(),
                message_id: row.message_id,
                thread_id: row.thread_id,
                rfc_message_id: row.rfc_message_id,
                from: Some(Address { name: row.sender_name, email: row.sender_email }),
                to: addresses(recipients.to),
                cc: addresses(recipients.cc),
                subject: truncate(&row.subject, SUBJECT_MAX).to_owned(),
                snippet: truncate(&row.snippet, SNIPPET_MAX).to_owned(),
                labels: named(row.label_ids.iter().map(String::as_str), names),
                folder: row.folder,
                has_attachments: row.has_attachments,
                internal_date_ms: row.received_at.timestamp_millis(),
                own_digest: row.origin.starts_with("digest"),
                origin: row.origin,
                history_id: u64::try_from(row.history_id).unwrap_or(0),
                generation: row.generation,
                pushed_at_ms,
            };
            (EmailId(row.email_id), row.received_at, summary)
        })
        .collect())
}

fn addresses(people: Vec<Person>) -> Vec<Address> {
    people.into_iter().take(ADDRESSES_MAX).map(|person| Address { name: person.name, email: person.email }).collect()
}
