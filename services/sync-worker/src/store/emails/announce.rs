//! Announcing a mail: marked once, and what events say about it.

use std::collections::HashMap;

use postrider_contracts::mailbox::{Address, EmailSummary};
use postrider_domain::text::truncate;
use postrider_domain::{EmailId, LabelId, TenantId, Timestamp};
use postrider_storage::{Error, TenantTx, sql};

use super::{Email, email_columns};
use crate::content::{Person, Recipients};
use crate::store::labels::named;

/// Longest subject and snippet in an event, in bytes.
const SUBJECT_MAX: usize = 256;
const SNIPPET_MAX: usize = 200;
/// Most addresses an event repeats from one header.
const ADDRESSES_MAX: usize = 50;

/// Remembers that live mails were announced. Returns those that had not been, with when they came and what is told of them.
pub async fn announce(
    tx: &mut TenantTx,
    tenant: &TenantId,
    emails: &[EmailId],
    names: &HashMap<String, String>,
    pushed_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<Vec<(EmailId, Timestamp, EmailSummary)>, Error> {
    let rows: Vec<Email> = sql(concat!(
        "UPDATE emails e SET announced_at = $3 \
         WHERE e.tenant = $1 AND e.email_id = ANY ($2) AND e.announced_at IS NULL RETURNING ",
        email_columns!()
    ))
    .binds((tenant, emails, now))
    .load(tx)
    .await?;
    let pushed_at_ms = pushed_at.map_or(0, |at| at.timestamp_millis());
    Ok(rows
        .into_iter()
        .map(|row| (row.email_id, row.received_at, EmailSummary { pushed_at_ms, ..summary(row, names) }))
        .collect())
}

fn summary(row: Email, names: &HashMap<String, String>) -> EmailSummary {
    let recipients: Recipients = serde_json::from_value(row.recipients).unwrap_or_default();
    EmailSummary {
        email_id: row.email_id.to_string(),
        message_id: row.message_id.into_string(),
        thread_id: row.thread_id.into_string(),
        rfc_message_id: row.rfc_message_id,
        from: Some(Address { name: row.sender_name, email: row.sender_email }),
        to: addresses(recipients.to),
        cc: addresses(recipients.cc),
        subject: truncate(&row.subject, SUBJECT_MAX).to_owned(),
        snippet: truncate(&row.snippet, SNIPPET_MAX).to_owned(),
        labels: named(row.label_ids.iter().map(LabelId::as_str), names),
        folder: row.folder,
        has_attachments: row.has_attachments,
        internal_date_ms: row.received_at.timestamp_millis(),
        // Anybody may write that header: who signs it, verifies it.
        own_digest: false,
        origin: row.origin,
        history_id: row.history_id.0,
        generation: row.generation,
        pushed_at_ms: 0,
    }
}

fn addresses(people: Vec<Person>) -> Vec<Address> {
    people.into_iter().take(ADDRESSES_MAX).map(|person| Address { name: person.name, email: person.email }).collect()
}
