//! A row of `emails` as the API and events show it, alone.

use postrider_domain::{ConnectorId, EmailId, HistoryId, LabelId, MessageId, ThreadId, Timestamp};
use postrider_storage::{Error, TenantTx, row, sql};
use serde_json::Value;

row! {
    /// A mail without its bodies.
    #[derive(Debug)]
    pub struct Email {
        pub email_id: EmailId,
        pub connector_id: ConnectorId,
        pub message_id: MessageId,
        pub thread_id: ThreadId,
        pub generation: i32,
        pub history_id: HistoryId,
        pub rfc_message_id: String,
        pub subject: String,
        pub sender_name: String,
        pub sender_email: String,
        pub recipients: Value,
        pub snippet: String,
        pub label_ids: Vec<LabelId>,
        /// As its labels were named when it was written.
        pub folder: String,
        pub unread: bool,
        pub has_attachments: bool,
        pub size_bytes: i64,
        pub received_at: Timestamp,
        pub origin: String,
        pub is_deleted: bool,
        pub deleted_at: Option<Timestamp>,
        pub processed: bool,
        pub created_at: Timestamp,
        pub updated_at: Timestamp,
    }

    /// What only the detail of a mail shows.
    #[derive(Debug)]
    pub struct Body {
        pub headers: Value,
        pub text: Option<String>,
        pub html: Option<String>,
        pub protection: Option<String>,
        pub invitation: Option<Value>,
    }
}

/// Columns of [`Email`].
macro_rules! email_columns {
    () => {
        "e.email_id, e.connector_id, e.message_id, e.thread_id, e.generation, e.history_id, e.rfc_message_id, \
         e.subject, e.sender_name, e.sender_email, e.recipients, e.snippet, e.label_ids, e.folder, e.unread, \
         e.has_attachments, e.size_bytes, e.received_at, e.origin, e.is_deleted, e.deleted_at, e.processed, \
         e.created_at, e.updated_at"
    };
}
pub(super) use email_columns;

/// One mail of the given accounts.
pub async fn find(tx: &TenantTx, accounts: &[ConnectorId], email: EmailId) -> Result<Option<Email>, Error> {
    sql(concat!(
        "SELECT ",
        email_columns!(),
        " FROM emails e WHERE e.tenant = nullif(current_setting('postrider.tenant', true), '') AND NOT e.stub \
          AND e.email_id = $1 AND e.connector_id = ANY($2)"
    ))
    .binds((email, accounts))
    .optional(tx)
    .await
}

/// Headers and bodies of a mail.
pub async fn find_body(tx: &TenantTx, email: EmailId) -> Result<Body, Error> {
    sql("SELECT headers, text, html, protection, invitation FROM emails \
         WHERE tenant = nullif(current_setting('postrider.tenant', true), '') AND email_id = $1")
    .bind(email)
    .get_result(tx)
    .await
}
