//! Reading mails for the API: filters are uuid, text, boolean and time comparisons only, so that row-level security
//! leaves their index conditions alone (design §2).

use std::fmt::Write as _;

use domain::Timestamp;
use serde_json::Value;
use storage::types::{Array, BigInt, Bool, Bytea, Jsonb, Nullable, SmallInt, Text, Timestamptz, Uuid as SqlUuid};
use storage::{Error, QueryableByName, Statement, Tx, sql};
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
    #[diesel(sql_type = Text)]
    pub folder: String,
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

/// A stored source, still compressed.
#[derive(Debug, QueryableByName)]
pub struct SourceRow {
    #[diesel(sql_type = SmallInt)]
    pub codec: i16,
    #[diesel(sql_type = BigInt)]
    pub size_bytes: i64,
    #[diesel(sql_type = Bytea)]
    pub raw: Vec<u8>,
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
    /// Leave spam, trash and drafts out.
    pub only_ordinary: bool,
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
         e.sender_name, e.sender_email, e.recipients, e.snippet, e.label_ids, e.folder, e.unread, e.has_attachments, \
         e.size_bytes, e.received_at, e.is_deleted, e.deleted_at, e.processed, e.created_at, e.updated_at"
    };
}

/// The condition every reading statement starts with: row-level security says the same, but the planner only uses
/// the tenant-first indexes when the statement says it too.
const TENANT: &str = "e.tenant = nullif(current_setting('postrider.tenant', true), '') AND NOT e.stub";

/// Lists mails. The text is put together from fixed pieces; values go in as binds.
pub async fn list(tx: &mut Tx, filter: Filter) -> Result<Vec<MailRow>, Error> {
    let (order, beyond) = if filter.oldest_first { ("ASC", ">") } else { ("DESC", "<") };
    let mut text = format!("SELECT {} FROM emails e", mail_columns!());
    if filter.label.is_some() {
        // The label's own index gives the order.
        text.push_str(
            " JOIN email_labels l ON l.tenant = e.tenant AND l.connector_id = e.connector_id \
             AND l.email_id = e.email_id AND l.label_id = $2",
        );
    }
    let _ = write!(
        text,
        " WHERE {TENANT} AND e.connector_id = ANY($1) \
          AND ($3::text IS NULL OR e.thread_id = $3) AND ($4::text IS NULL OR e.message_id = $4) \
          AND ($5::boolean IS NULL OR e.unread = $5) AND ($6::boolean IS NULL OR e.processed = $6) \
          AND ($7 OR NOT e.is_deleted) AND (NOT $8 OR NOT (e.is_spam OR e.is_trash OR e.is_draft)) \
          AND ($9::text IS NULL OR lower(e.sender_email) = lower($9)) \
          AND ($10::text IS NULL OR strpos(lower(e.subject), lower($10)) > 0) \
          AND ($11::timestamptz IS NULL OR e.received_at >= $11) \
          AND ($12::timestamptz IS NULL OR e.received_at < $12) \
          AND ($13::timestamptz IS NULL OR (e.received_at, e.email_id) {beyond} ($13, $14)) \
          AND ($2::text IS NULL OR $2 <> '') \
          ORDER BY e.received_at {order}, e.email_id {order} LIMIT $15"
    );
    let (after_time, after_id) = filter.after.map_or((None, None), |(time, id)| (Some(time), Some(id)));
    Statement::dynamic(text)
        .bind::<Array<SqlUuid>, _>(filter.accounts)
        .bind::<Nullable<Text>, _>(filter.label)
        .bind::<Nullable<Text>, _>(filter.thread_id)
        .bind::<Nullable<Text>, _>(filter.message_id)
        .bind::<Nullable<Bool>, _>(filter.unread)
        .bind::<Nullable<Bool>, _>(filter.processed)
        .bind::<Bool, _>(filter.include_deleted)
        .bind::<Bool, _>(filter.only_ordinary)
        .bind::<Nullable<Text>, _>(filter.from)
        .bind::<Nullable<Text>, _>(filter.subject)
        .bind::<Nullable<Timestamptz>, _>(filter.received_after)
        .bind::<Nullable<Timestamptz>, _>(filter.received_before)
        .bind::<Nullable<Timestamptz>, _>(after_time)
        .bind::<Nullable<SqlUuid>, _>(after_id)
        .bind::<BigInt, _>(filter.limit)
        .load(tx)
        .await
}

/// One mail of the given accounts.
pub async fn find(tx: &mut Tx, accounts: Vec<Uuid>, email_id: Uuid) -> Result<Option<MailRow>, Error> {
    sql(concat!(
        "SELECT ",
        mail_columns!(),
        " FROM emails e WHERE e.tenant = nullif(current_setting('postrider.tenant', true), '') AND NOT e.stub \
          AND e.email_id = $1 AND e.connector_id = ANY($2)"
    ))
    .bind::<SqlUuid, _>(email_id)
    .bind::<Array<SqlUuid>, _>(accounts)
    .optional(tx)
    .await
}

/// Headers and bodies of a mail.
pub async fn body(tx: &mut Tx, email_id: Uuid) -> Result<BodyRow, Error> {
    sql("SELECT headers, text, html FROM emails \
         WHERE tenant = nullif(current_setting('postrider.tenant', true), '') AND email_id = $1")
    .bind::<SqlUuid, _>(email_id)
    .get_result(tx)
    .await
}

/// Attachments of a mail in the order of its MIME tree.
pub async fn attachments(tx: &mut Tx, email_id: Uuid) -> Result<Vec<AttachmentRow>, Error> {
    sql("SELECT attachment_id, filename, content_type, size_bytes, content_id, inline, state FROM attachments \
         WHERE tenant = nullif(current_setting('postrider.tenant', true), '') AND email_id = $1 ORDER BY part_id")
    .bind::<SqlUuid, _>(email_id)
    .load(tx)
    .await
}

/// References on a mail.
pub async fn references(tx: &mut Tx, email_id: Uuid) -> Result<Vec<ReferenceRow>, Error> {
    sql("SELECT kind, ref, created_at FROM email_references \
         WHERE tenant = nullif(current_setting('postrider.tenant', true), '') AND email_id = $1 ORDER BY kind, ref")
    .bind::<SqlUuid, _>(email_id)
    .load(tx)
    .await
}

/// The stored source; none for a mail of which only metadata is known.
pub async fn source(tx: &mut Tx, email_id: Uuid) -> Result<Option<SourceRow>, Error> {
    sql("SELECT codec, size_bytes, raw FROM email_sources \
         WHERE tenant = nullif(current_setting('postrider.tenant', true), '') AND email_id = $1")
    .bind::<SqlUuid, _>(email_id)
    .optional(tx)
    .await
}
