//! Reading mails for the API. What is to use an index compares uuids and texts for equality and times by order: these
//! operators are leakproof, so row-level security lets them into the index condition. The comparisons of sender and
//! subject (`lower`, `strpos`) are not; they only sift the rows that the index found.

use std::fmt::Write as _;

use postrider_domain::Timestamp;
use postrider_storage::types::{Array, BigInt, Bool, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use postrider_storage::{Error, QueryableByName, Statement, Tx, sql};
use serde_json::Value;
use uuid::Uuid;

/// A mail as lists show it.
#[derive(Debug, QueryableByName)]
pub struct MailRow {
    #[diesel(sql_type = SqlUuid)]
    pub email_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    pub connector_id: Uuid,
    #[diesel(sql_type = Text)]
    pub message_id: String,
    #[diesel(sql_type = Text)]
    pub thread_id: String,
    #[diesel(sql_type = BigInt)]
    pub history_id: i64,
    #[diesel(sql_type = Text)]
    pub rfc_message_id: String,
    #[diesel(sql_type = Text)]
    pub subject: String,
    #[diesel(sql_type = Text)]
    pub sender_name: String,
    #[diesel(sql_type = Text)]
    pub sender_email: String,
    #[diesel(sql_type = Jsonb)]
    pub recipients: Value,
    #[diesel(sql_type = Text)]
    pub snippet: String,
    #[diesel(sql_type = Array<Text>)]
    pub label_ids: Vec<String>,
    #[diesel(sql_type = Bool)]
    pub unread: bool,
    #[diesel(sql_type = Bool)]
    pub has_attachments: bool,
    #[diesel(sql_type = BigInt)]
    pub size_bytes: i64,
    #[diesel(sql_type = Timestamptz)]
    pub received_at: Timestamp,
    #[diesel(sql_type = Bool)]
    pub is_deleted: bool,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub deleted_at: Option<Timestamp>,
    #[diesel(sql_type = Bool)]
    pub processed: bool,
    #[diesel(sql_type = Timestamptz)]
    pub created_at: Timestamp,
    #[diesel(sql_type = Timestamptz)]
    pub updated_at: Timestamp,
}

/// What only the detail of a mail shows.
#[derive(Debug, QueryableByName)]
pub struct BodyRow {
    #[diesel(sql_type = Jsonb)]
    pub headers: Value,
    #[diesel(sql_type = Nullable<Text>)]
    pub text: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    pub html: Option<String>,
}

/// An attachment's metadata.
#[derive(Debug, QueryableByName)]
pub struct AttachmentRow {
    #[diesel(sql_type = SqlUuid)]
    pub attachment_id: Uuid,
    #[diesel(sql_type = Text)]
    pub filename: String,
    #[diesel(sql_type = Text)]
    pub content_type: String,
    #[diesel(sql_type = BigInt)]
    pub size_bytes: i64,
    #[diesel(sql_type = Text)]
    pub content_id: String,
    #[diesel(sql_type = Bool)]
    pub inline: bool,
    #[diesel(sql_type = Text)]
    pub state: String,
}

/// Somebody who holds on to a mail.
#[derive(Debug, QueryableByName)]
pub struct ReferenceRow {
    #[diesel(sql_type = Text)]
    pub kind: String,
    #[diesel(sql_type = Text)]
    pub r#ref: String,
    #[diesel(sql_type = Timestamptz)]
    pub created_at: Timestamp,
}

/// Which mails a list shows. `accounts` is never empty: without accounts there is nothing to ask.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub accounts: Vec<Uuid>,
    pub label: Option<String>,
    pub thread_id: Option<String>,
    pub message_id: Option<String>,
    pub unread: Option<bool>,
    pub processed: Option<bool>,
    pub include_deleted: bool,
    /// Show drafts.
    pub drafts: bool,
    /// The accounts whose spam and trash is shown.
    pub spam_trash: Vec<Uuid>,
    pub from: Option<String>,
    pub subject: Option<String>,
    pub received_after: Option<Timestamp>,
    pub received_before: Option<Timestamp>,
    pub oldest_first: bool,
    /// Sort key of the last row of the page before.
    pub after: Option<(Timestamp, Uuid)>,
    pub limit: i64,
}

macro_rules! mail_columns {
    () => {
        "e.email_id, e.connector_id, e.message_id, e.thread_id, e.history_id, e.rfc_message_id, e.subject, \
         e.sender_name, e.sender_email, e.recipients, e.snippet, e.label_ids, e.unread, e.has_attachments, \
         e.size_bytes, e.received_at, e.is_deleted, e.deleted_at, e.processed, e.created_at, e.updated_at"
    };
}

/// The condition every reading statement starts with: row-level security says the same, but the planner only uses
/// the tenant-first indexes when the statement says it too.
const TENANT: &str = "e.tenant = nullif(current_setting('postrider.tenant', true), '') AND NOT e.stub";

/// Lists mails. The text is put together from fixed pieces; values go in as binds. Each account is asked for a page of
/// its own, in the order of its index, and the pages are merged: one list over `ANY` account would sort all mail of all.
pub async fn list(tx: &Tx, filter: Filter) -> Result<Vec<MailRow>, Error> {
    let (order, beyond) = if filter.oldest_first { ("ASC", ">") } else { ("DESC", "<") };
    // Of a label, the label's own index gives the order.
    let (from, key) = match filter.label {
        None => ("emails e", "e"),
        Some(_) => (
            "email_labels l JOIN emails e ON e.tenant = l.tenant AND e.connector_id = l.connector_id \
             AND e.email_id = l.email_id",
            "l",
        ),
    };
    let mut text = format!(
        "SELECT e.* FROM unnest($1) AS account (id) CROSS JOIN LATERAL ( \
           SELECT {columns} FROM {from} WHERE {TENANT} AND {key}.connector_id = account.id \
          AND ($3::text IS NULL OR e.thread_id = $3) AND ($4::text IS NULL OR e.message_id = $4) \
          AND ($5::boolean IS NULL OR e.unread = $5) AND ($6::boolean IS NULL OR e.processed = $6) \
          AND ($7 OR NOT e.is_deleted) AND ($8 OR NOT e.is_draft) \
          AND (e.connector_id = ANY($16) OR NOT (e.is_spam OR e.is_trash)) \
          AND ($9::text IS NULL OR lower(e.sender_email) = lower($9)) \
          AND ($10::text IS NULL OR strpos(lower(e.subject), lower($10)) > 0) \
          AND ($11::timestamptz IS NULL OR {key}.received_at >= $11) \
          AND ($12::timestamptz IS NULL OR {key}.received_at < $12) \
          AND ($13::timestamptz IS NULL OR ({key}.received_at, {key}.email_id) {beyond} ($13, $14))",
        columns = mail_columns!(),
    );
    // Both say the tenant: each index begins with it.
    text.push_str(match filter.label {
        None => " AND $2::text IS NULL",
        Some(_) => " AND l.label_id = $2 AND l.tenant = nullif(current_setting('postrider.tenant', true), '')",
    });
    let _ = write!(
        text,
        " ORDER BY {key}.received_at {order}, {key}.email_id {order} LIMIT $15) AS e \
          ORDER BY e.received_at {order}, e.email_id {order} LIMIT $15"
    );
    let (after_time, after_id) = filter.after.map_or((None, None), |(time, id)| (Some(time), Some(id)));
    Statement::dynamic(text)
        .bind_as::<Array<SqlUuid>, _>(filter.accounts)
        .bind_as::<Nullable<Text>, _>(filter.label)
        .bind_as::<Nullable<Text>, _>(filter.thread_id)
        .bind_as::<Nullable<Text>, _>(filter.message_id)
        .bind_as::<Nullable<Bool>, _>(filter.unread)
        .bind_as::<Nullable<Bool>, _>(filter.processed)
        .bind_as::<Bool, _>(filter.include_deleted)
        .bind_as::<Bool, _>(filter.drafts)
        .bind_as::<Nullable<Text>, _>(filter.from)
        .bind_as::<Nullable<Text>, _>(filter.subject)
        .bind_as::<Nullable<Timestamptz>, _>(filter.received_after)
        .bind_as::<Nullable<Timestamptz>, _>(filter.received_before)
        .bind_as::<Nullable<Timestamptz>, _>(after_time)
        .bind_as::<Nullable<SqlUuid>, _>(after_id)
        .bind_as::<BigInt, _>(filter.limit)
        .bind_as::<Array<SqlUuid>, _>(filter.spam_trash)
        .load(tx)
        .await
}

/// One mail of the given accounts.
pub async fn find(tx: &Tx, accounts: Vec<Uuid>, email_id: Uuid) -> Result<Option<MailRow>, Error> {
    sql(concat!(
        "SELECT ",
        mail_columns!(),
        " FROM emails e WHERE e.tenant = nullif(current_setting('postrider.tenant', true), '') AND NOT e.stub \
          AND e.email_id = $1 AND e.connector_id = ANY($2)"
    ))
    .bind_as::<SqlUuid, _>(email_id)
    .bind_as::<Array<SqlUuid>, _>(accounts)
    .optional(tx)
    .await
}

/// Headers and bodies of a mail.
pub async fn body(tx: &Tx, email_id: Uuid) -> Result<BodyRow, Error> {
    sql("SELECT headers, text, html FROM emails \
         WHERE tenant = nullif(current_setting('postrider.tenant', true), '') AND email_id = $1")
    .bind_as::<SqlUuid, _>(email_id)
    .get_result(tx)
    .await
}

/// Attachments of a mail in the order of its MIME tree.
pub async fn attachments(tx: &Tx, email_id: Uuid) -> Result<Vec<AttachmentRow>, Error> {
    sql("SELECT attachment_id, filename, content_type, size_bytes, content_id, inline, state FROM attachments \
         WHERE tenant = nullif(current_setting('postrider.tenant', true), '') AND email_id = $1 ORDER BY part_id")
    .bind_as::<SqlUuid, _>(email_id)
    .load(tx)
    .await
}

/// References on a mail.
pub async fn references(tx: &Tx, email_id: Uuid) -> Result<Vec<ReferenceRow>, Error> {
    sql("SELECT kind, ref, created_at FROM email_references \
         WHERE tenant = nullif(current_setting('postrider.tenant', true), '') AND email_id = $1 ORDER BY kind, ref")
    .bind_as::<SqlUuid, _>(email_id)
    .load(tx)
    .await
}
