//! Bulk writes of mails: one statement for any number, guarded by version in the statement itself (law 2).

use postrider_domain::{EmailId, HistoryId, LabelId, MessageId, RunId, ThreadId, Timestamp, Version};
use postrider_storage::{Error, TenantTx, sql};

use crate::content::Content;
use crate::rules::flags::Flags;
use crate::store::emails::content::{content_from, content_names, content_types, content_values, with_contents};
use crate::store::joined;
use crate::store::mailboxes::Guard;

/// A mail with its content, new or in place of a stub.
pub struct NewEmail<'a> {
    pub email_id: EmailId,
    pub message_id: &'a MessageId,
    pub thread_id: &'a ThreadId,
    pub version: Version,
    /// The history id that the fetch answered.
    pub fetched: HistoryId,
    pub labels: &'a [LabelId],
    pub flags: Flags,
    pub received_at: Timestamp,
    pub snippet: &'a str,
    pub content: &'a Content,
}

/// Inserts mails, or fills stubs, unless the row there is newer. Returns how many rows were written.
pub async fn upsert(
    tx: &TenantTx,
    guard: &Guard,
    emails: &[NewEmail<'_>],
    run: Option<RunId>,
    now: Timestamp,
) -> Result<usize, Error> {
    if emails.is_empty() {
        return Ok(0);
    }
    let rows = || emails.iter();
    let flags = || emails.iter().map(|email| &email.flags);
    let upsert = sql(concat!(
        "INSERT INTO emails AS e (tenant, connector_id, email_id, message_id, thread_id, generation, history_id, \
            fetched_id, stub, snippet, label_ids, folder, unread, is_draft, is_spam, is_trash, received_at, is_deleted, \
            deleted_at, stored_in_run, created_at, updated_at, ",
        content_names!(),
        ") SELECT $1, $2, n.email_id, n.message_id, n.thread_id, n.generation, n.history_id, n.fetched_id, false, \
            n.snippet, string_to_array(n.labels, E'\\n'), n.folder, n.unread, n.is_draft, n.is_spam, n.is_trash, \
            n.received_at, false, NULL, $3, $4, $4, ",
        content_values!(),
        " FROM {n: email_id uuid, message_id text, thread_id text, generation int, history_id bigint, fetched_id bigint, \
            snippet text, labels text, folder text, unread bool, is_draft bool, is_spam bool, is_trash bool, \
            received_at timestamptz, ",
        content_types!(),
        "} ON CONFLICT ON CONSTRAINT emails_message DO UPDATE SET thread_id = excluded.thread_id, \
            generation = excluded.generation, history_id = excluded.history_id, fetched_id = excluded.fetched_id, \
            stub = false, snippet = excluded.snippet, label_ids = excluded.label_ids, folder = excluded.folder, \
            unread = excluded.unread, is_draft = excluded.is_draft, is_spam = excluded.is_spam, \
            is_trash = excluded.is_trash, received_at = excluded.received_at, is_deleted = false, deleted_at = NULL, \
            stored_in_run = excluded.stored_in_run, updated_at = excluded.updated_at, ",
        content_from!("excluded"),
        " WHERE (e.generation, e.history_id) <= (excluded.generation, excluded.history_id)"
    ))
    .binds((&guard.tenant, guard.connector, run, now));
    with_contents(upsert, rows().map(|email| email.content))
        .column("email_id", rows().map(|email| email.email_id))
        .column("message_id", rows().map(|email| email.message_id))
        .column("thread_id", rows().map(|email| email.thread_id))
        .column("generation", rows().map(|email| email.version.generation))
        .column("history_id", rows().map(|email| email.version.history_id))
        .column("fetched_id", rows().map(|email| email.fetched))
        .column("snippet", rows().map(|email| email.snippet))
        .column("labels", rows().map(|email| joined(email.labels)))
        .column("folder", flags().map(|flags| &flags.folder))
        .column("unread", flags().map(|flags| flags.unread))
        .column("is_draft", flags().map(|flags| flags.draft))
        .column("is_spam", flags().map(|flags| flags.spam))
        .column("is_trash", flags().map(|flags| flags.trash))
        .column("received_at", rows().map(|email| email.received_at))
        .execute(tx)
        .await
}

/// New labels and version of a mail whose content is here.
pub struct Relabelled {
    pub email_id: EmailId,
    pub version: Version,
    /// The history id that a fetch answered, where the labels come from one.
    pub fetched: Option<HistoryId>,
    pub labels: Vec<LabelId>,
    pub flags: Flags,
}

/// Writes labels; a deleted mail is there again.
pub async fn relabel(tx: &TenantTx, guard: &Guard, emails: &[&Relabelled], now: Timestamp) -> Result<usize, Error> {
    if emails.is_empty() {
        return Ok(0);
    }
    let flags = || emails.iter().map(|email| &email.flags);
    sql("UPDATE emails e SET generation = n.generation, history_id = n.history_id, \
            fetched_id = coalesce(n.fetched_id, e.fetched_id), \
            label_ids = string_to_array(n.labels, E'\\n'), folder = n.folder, unread = n.unread, \
            is_draft = n.is_draft, is_spam = n.is_spam, is_trash = n.is_trash, is_deleted = false, \
            deleted_at = NULL, updated_at = $2 \
         FROM {n: email_id uuid, generation int, history_id bigint, fetched_id bigint, labels text, folder text, unread bool, \
            is_draft bool, is_spam bool, is_trash bool} \
         WHERE e.tenant = $1 AND e.email_id = n.email_id \
           AND (e.generation, e.history_id) <= (n.generation, n.history_id)")
    .binds((&guard.tenant, now))
    .column("email_id", emails.iter().map(|email| email.email_id))
    .column("generation", emails.iter().map(|email| email.version.generation))
    .column("history_id", emails.iter().map(|email| email.version.history_id))
    .column("fetched_id", emails.iter().map(|email| email.fetched))
    .column("labels", emails.iter().map(|email| joined(&email.labels)))
    .column("folder", flags().map(|flags| &flags.folder))
    .column("unread", flags().map(|flags| flags.unread))
    .column("is_draft", flags().map(|flags| flags.draft))
    .column("is_spam", flags().map(|flags| flags.spam))
    .column("is_trash", flags().map(|flags| flags.trash))
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
pub async fn insert_tombstones(
    tx: &TenantTx,
    guard: &Guard,
    tombstones: &[Tombstone],
    now: Timestamp,
) -> Result<usize, Error> {
    if tombstones.is_empty() {
        return Ok(0);
    }
    sql("INSERT INTO emails AS e (tenant, connector_id, email_id, message_id, thread_id, generation, history_id, stub, \
            received_at, is_deleted, deleted_at, created_at, updated_at) \
         SELECT $1, $2, n.email_id, n.message_id, coalesce(n.thread_id, ''), n.generation, n.history_id, true, $3, true, \
            $3, $3, $3 \
         FROM {n: email_id uuid, message_id text, thread_id text, generation int, history_id bigint} \
         ON CONFLICT ON CONSTRAINT emails_message DO UPDATE SET generation = excluded.generation, \
            history_id = excluded.history_id, is_deleted = true, deleted_at = coalesce(e.deleted_at, excluded.deleted_at), \
            updated_at = excluded.updated_at \
         WHERE (e.generation, e.history_id) <= (excluded.generation, excluded.history_id)")
    .binds((&guard.tenant, guard.connector, now))
    .column("email_id", tombstones.iter().map(|row| row.email_id))
    .column("message_id", tombstones.iter().map(|row| &row.message_id))
    .column("thread_id", tombstones.iter().map(|row| row.thread_id.as_ref()))
    .column("generation", tombstones.iter().map(|row| row.version.generation))
    .column("history_id", tombstones.iter().map(|row| row.version.history_id))
    .execute(tx)
    .await
}
