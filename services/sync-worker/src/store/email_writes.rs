//! Bulk writes of mails: one statement for any number, guarded by version in the statement itself.

use postrider_domain::{EmailId, LabelId, MessageId, RunId, ThreadId, Timestamp, Version};
use postrider_storage::types::{Array, BigInt, Bool, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use postrider_storage::{Error, Tx, sql};
use uuid::Uuid;

use super::mailboxes::Guard;
use crate::content::Content;
use crate::rules::flags::Flags;

/// A mail with its content, new or in place of a stub.
pub struct NewEmail<'a> {
    pub email_id: EmailId,
    pub message_id: &'a MessageId,
    pub thread_id: &'a ThreadId,
    pub version: Version,
    pub labels: &'a [LabelId],
    pub flags: Flags,
    pub received_at: Timestamp,
    pub snippet: &'a str,
    pub content: &'a Content,
}

/// Inserts mails, or fills stubs, unless the row there is newer. Answers how many rows were written.
pub async fn upsert(
    tx: &Tx,
    guard: &Guard,
    emails: &[NewEmail<'_>],
    run: Option<RunId>,
    now: Timestamp,
) -> Result<usize, Error> {
    if emails.is_empty() {
        return Ok(0);
    }
    let ids = |pick: &dyn Fn(&NewEmail<'_>) -> Uuid| emails.iter().map(pick).collect::<Vec<_>>();
    let flag = |pick: &dyn Fn(&NewEmail<'_>) -> bool| emails.iter().map(pick).collect::<Vec<_>>();
    sql("INSERT INTO emails AS e (tenant, connector_id, email_id, message_id, thread_id, generation, history_id, stub, \
            subject, sender_name, sender_email, recipients, headers, snippet, text, html, label_ids, folder, unread, \
            is_draft, is_spam, is_trash, has_attachments, size_bytes, received_at, rfc_message_id, origin, parse_error, \
            is_deleted, deleted_at, stored_in_run, created_at, updated_at) \
         SELECT $1, $2, n.email_id, n.message_id, n.thread_id, n.generation, n.history_id, false, \
            n.subject, n.sender_name, n.sender_email, n.recipients::jsonb, n.headers::jsonb, n.snippet, n.text, n.html, \
            string_to_array(n.labels, E'\\n'), n.folder, n.unread, n.is_draft, n.is_spam, n.is_trash, \
            n.has_attachments, n.size_bytes, n.received_at, n.rfc_message_id, n.origin, n.parse_error, \
            false, NULL, $3, $4, $4 \
         FROM unnest($5::uuid[], $6::text[], $7::text[], $8::int[], $9::bigint[], $10::text[], $11::text[], \
            $12::text[], $13::text[], $14::text[], $15::text[], $16::text[], $17::text[], $18::text[], $19::text[], \
            $20::bool[], $21::bool[], $22::bool[], $23::bool[], $24::bool[], $25::bigint[], $26::timestamptz[], \
            $27::text[], $28::text[], $29::text[]) \
          AS n(email_id, message_id, thread_id, generation, history_id, subject, sender_name, sender_email, \
            recipients, headers, snippet, text, html, labels, folder, unread, is_draft, is_spam, is_trash, \
            has_attachments, size_bytes, received_at, rfc_message_id, origin, parse_error) \
         ON CONFLICT ON CONSTRAINT emails_message DO UPDATE SET thread_id = excluded.thread_id, \
            generation = excluded.generation, history_id = excluded.history_id, stub = false, \
            subject = excluded.subject, sender_name = excluded.sender_name, sender_email = excluded.sender_email, \
            recipients = excluded.recipients, headers = excluded.headers, snippet = excluded.snippet, \
            text = excluded.text, html = excluded.html, label_ids = excluded.label_ids, folder = excluded.folder, \
            unread = excluded.unread, is_draft = excluded.is_draft, is_spam = excluded.is_spam, \
            is_trash = excluded.is_trash, has_attachments = excluded.has_attachments, \
            size_bytes = excluded.size_bytes, received_at = excluded.received_at, \
            rfc_message_id = excluded.rfc_message_id, origin = excluded.origin, parse_error = excluded.parse_error, \
            is_deleted = false, deleted_at = NULL, stored_in_run = excluded.stored_in_run, \
            updated_at = excluded.updated_at \
         WHERE (e.generation, e.history_id) <= (excluded.generation, excluded.history_id)")
    .bind_as::<Text, _>(guard.tenant.as_str())
    .bind_as::<SqlUuid, _>(guard.connector.0)
    .bind_as::<Nullable<SqlUuid>, _>(run.map(|run| run.0))
    .bind_as::<Timestamptz, _>(now)
    .bind_as::<Array<SqlUuid>, _>(ids(&|email| email.email_id.0))
    .bind_as::<Array<Text>, _>(emails.iter().map(|email| email.message_id.as_str()).collect::<Vec<_>>())
    .bind_as::<Array<Text>, _>(emails.iter().map(|email| email.thread_id.as_str()).collect::<Vec<_>>())
    .bind_as::<Array<Integer>, _>(emails.iter().map(|email| email.version.generation).collect::<Vec<_>>())
    .bind_as::<Array<BigInt>, _>(emails.iter().map(|email| email.version.history_id.as_i64()).collect::<Vec<_>>())
    .bind_as::<Array<Text>, _>(emails.iter().map(|email| email.content.subject.as_str()).collect::<Vec<_>>())
    .bind_as::<Array<Text>, _>(emails.iter().map(|email| email.content.sender.name.as_str()).collect::<Vec<_>>())
    .bind_as::<Array<Text>, _>(emails.iter().map(|email| email.content.sender.email.as_str()).collect::<Vec<_>>())
    .bind_as::<Array<Text>, _>(emails.iter().map(|email| email.content.recipients.as_str()).collect::<Vec<_>>())
    .bind_as::<Array<Text>, _>(emails.iter().map(|email| email.content.headers.as_str()).collect::<Vec<_>>())
    .bind_as::<Array<Text>, _>(emails.iter().map(|email| email.snippet).collect::<Vec<_>>())
    .bind_as::<Array<Nullable<Text>>, _>(emails.iter().map(|email| email.content.text.as_deref()).collect::<Vec<_>>())
    .bind_as::<Array<Nullable<Text>>, _>(emails.iter().map(|email| email.content.html.as_deref()).collect::<Vec<_>>())
    .bind_as::<Array<Text>, _>(emails.iter().map(|email| super::joined(email.labels)).collect::<Vec<_>>())
    .bind_as::<Array<Text>, _>(emails.iter().map(|email| email.flags.folder.as_str()).collect::<Vec<_>>())
    .bind_as::<Array<Bool>, _>(flag(&|email| email.flags.unread))
    .bind_as::<Array<Bool>, _>(flag(&|email| email.flags.draft))
    .bind_as::<Array<Bool>, _>(flag(&|email| email.flags.spam))
    .bind_as::<Array<Bool>, _>(flag(&|email| email.flags.trash))
    .bind_as::<Array<Bool>, _>(flag(&|email| email.content.has_attachments))
    .bind_as::<Array<BigInt>, _>(emails.iter().map(|email| email.content.size_bytes).collect::<Vec<_>>())
    .bind_as::<Array<Timestamptz>, _>(emails.iter().map(|email| email.received_at).collect::<Vec<_>>())
    .bind_as::<Array<Text>, _>(emails.iter().map(|email| email.content.rfc_message_id.as_str()).collect::<Vec<_>>())
    .bind_as::<Array<Text>, _>(emails.iter().map(|email| email.content.origin.as_str()).collect::<Vec<_>>())
    .bind_as::<Array<Nullable<Text>>, _>(
        emails.iter().map(|email| email.content.parse_error.as_deref()).collect::<Vec<_>>(),
    )
    .execute(tx)
    .await
}

/// New labels and version of a mail whose content is here.
pub struct Relabelled {
    pub email_id: EmailId,
    pub version: Version,
    pub labels: Vec<LabelId>,
    pub flags: Flags,
}

/// Writes labels; a deleted mail is there again.
pub async fn relabel(tx: &Tx, guard: &Guard, emails: &[&Relabelled], now: Timestamp) -> Result<usize, Error> {
    if emails.is_empty() {
        return Ok(0);
    }
    let flag = |pick: &dyn Fn(&Flags) -> bool| emails.iter().map(|email| pick(&email.flags)).collect::<Vec<_>>();
    sql("UPDATE emails e SET generation = n.generation, history_id = n.history_id, \
            label_ids = string_to_array(n.labels, E'\\n'), folder = n.folder, unread = n.unread, \
            is_draft = n.is_draft, is_spam = n.is_spam, is_trash = n.is_trash, is_deleted = false, \
            deleted_at = NULL, updated_at = $2 \
         FROM unnest($3::uuid[], $4::int[], $5::bigint[], $6::text[], $7::text[], $8::bool[], $9::bool[], $10::bool[], \
            $11::bool[]) AS n(email_id, generation, history_id, labels, folder, unread, is_draft, is_spam, is_trash) \
         WHERE e.tenant = $1 AND e.email_id = n.email_id \
           AND (e.generation, e.history_id) <= (n.generation, n.history_id)")
    .bind_as::<Text, _>(guard.tenant.as_str())
    .bind_as::<Timestamptz, _>(now)
    .bind_as::<Array<SqlUuid>, _>(emails.iter().map(|email| email.email_id.0).collect::<Vec<_>>())
    .bind_as::<Array<Integer>, _>(emails.iter().map(|email| email.version.generation).collect::<Vec<_>>())
    .bind_as::<Array<BigInt>, _>(emails.iter().map(|email| email.version.history_id.as_i64()).collect::<Vec<_>>())
    .bind_as::<Array<Text>, _>(emails.iter().map(|email| super::joined(&email.labels)).collect::<Vec<_>>())
    .bind_as::<Array<Text>, _>(emails.iter().map(|email| email.flags.folder.as_str()).collect::<Vec<_>>())
    .bind_as::<Array<Bool>, _>(flag(&|flags| flags.unread))
    .bind_as::<Array<Bool>, _>(flag(&|flags| flags.draft))
    .bind_as::<Array<Bool>, _>(flag(&|flags| flags.spam))
    .bind_as::<Array<Bool>, _>(flag(&|flags| flags.trash))
    .execute(tx)
    .await
}

/// A message that is gone, known before or not.
pub struct Tombstone {
    /// Used only where the message was unknown.
    pub email_id: EmailId,
    pub message_id: MessageId,
    pub thread_id: Option<ThreadId>,
    pub version: Version,
}

/// Writes tombstones; content of a known mail stays until the clean-up.
pub async fn bury(tx: &Tx, guard: &Guard, graves: &[Tombstone], now: Timestamp) -> Result<usize, Error> {
    if graves.is_empty() {
        return Ok(0);
    }
    sql("INSERT INTO emails AS e (tenant, connector_id, email_id, message_id, thread_id, generation, history_id, stub, \
            received_at, is_deleted, deleted_at, created_at, updated_at) \
         SELECT $1, $2, n.email_id, n.message_id, n.thread_id, n.generation, n.history_id, true, $3, true, $3, $3, $3 \
         FROM unnest($4::uuid[], $5::text[], $6::text[], $7::int[], $8::bigint[]) \
          AS n(email_id, message_id, thread_id, generation, history_id) \
         ON CONFLICT ON CONSTRAINT emails_message DO UPDATE SET generation = excluded.generation, \
            history_id = excluded.history_id, is_deleted = true, deleted_at = coalesce(e.deleted_at, excluded.deleted_at), \
            updated_at = excluded.updated_at \
         WHERE (e.generation, e.history_id) <= (excluded.generation, excluded.history_id)")
    .bind_as::<Text, _>(guard.tenant.as_str())
    .bind_as::<SqlUuid, _>(guard.connector.0)
    .bind_as::<Timestamptz, _>(now)
    .bind_as::<Array<SqlUuid>, _>(graves.iter().map(|grave| grave.email_id.0).collect::<Vec<_>>())
    .bind_as::<Array<Text>, _>(graves.iter().map(|grave| grave.message_id.as_str()).collect::<Vec<_>>())
    .bind_as::<Array<Text>, _>(
        graves.iter().map(|grave| grave.thread_id.as_ref().map_or("", ThreadId::as_str)).collect::<Vec<_>>(),
    )
    .bind_as::<Array<Integer>, _>(graves.iter().map(|grave| grave.version.generation).collect::<Vec<_>>())
    .bind_as::<Array<BigInt>, _>(graves.iter().map(|grave| grave.version.history_id.as_i64()).collect::<Vec<_>>())
    .execute(tx)
    .await
}
