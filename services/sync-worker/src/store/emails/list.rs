//! Lists of mails for the API. What is to use an index compares uuids and texts for equality and times by order: these
//! operators are leakproof, so row-level security lets them into the index condition. The comparisons of sender and
//! subject (`lower`, `strpos`) are not; they only sift the rows that the index found.

use postrider_domain::{ConnectorId, EmailId, LabelId, MessageId, ThreadId, Timestamp};
use postrider_storage::{Error, Statement, TenantTx};

use super::{Email, email_columns};

/// Which mails a list shows. `accounts` is never empty: without accounts there is nothing to ask.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub accounts: Vec<ConnectorId>,
    pub label: Option<LabelId>,
    pub thread_id: Option<ThreadId>,
    pub message_id: Option<MessageId>,
    pub unread: Option<bool>,
    pub processed: Option<bool>,
    pub include_deleted: bool,
    /// Show drafts.
    pub drafts: bool,
    /// The accounts whose spam and trash is shown.
    pub spam_trash: Vec<ConnectorId>,
    pub from: Option<String>,
    pub subject: Option<String>,
    pub received_after: Option<Timestamp>,
    pub received_before: Option<Timestamp>,
    pub oldest_first: bool,
    /// Sort key of the last row of the page before.
    pub after: Option<(Timestamp, EmailId)>,
    pub limit: i64,
}

impl Filter {
    /// Each account is asked for a page of its own, in the order of its index, and the pages are merged: one list over
    /// `ANY` account would sort all mail of all. Put together from fixed pieces; values go in as binds.
    fn text(&self) -> String {
        let (order, beyond) = if self.oldest_first { ("ASC", ">") } else { ("DESC", "<") };
        // Of a label, the label's own index gives the order. Both say the tenant: each index begins with it.
        let (from, key, label) = match self.label {
            None => ("emails e", "e", "$2::text IS NULL"),
            Some(_) => (
                "email_labels l JOIN emails e ON e.tenant = l.tenant AND e.connector_id = l.connector_id \
                 AND e.email_id = l.email_id",
                "l",
                "l.label_id = $2 AND l.tenant = nullif(current_setting('postrider.tenant', true), '')",
            ),
        };
        format!(
            "SELECT e.* FROM unnest($1) AS account (id) CROSS JOIN LATERAL ( \
               SELECT {columns} FROM {from} \
               WHERE e.tenant = nullif(current_setting('postrider.tenant', true), '') AND NOT e.stub \
              AND {key}.connector_id = account.id \
              AND ($3::text IS NULL OR e.thread_id = $3) AND ($4::text IS NULL OR e.message_id = $4) \
              AND ($5::boolean IS NULL OR e.unread = $5) AND ($6::boolean IS NULL OR e.processed = $6) \
              AND ($7 OR NOT e.is_deleted) AND ($8 OR NOT e.is_draft) \
              AND (e.connector_id = ANY($16) OR NOT (e.is_spam OR e.is_trash)) \
              AND ($9::text IS NULL OR lower(e.sender_email) = lower($9)) \
              AND ($10::text IS NULL OR strpos(lower(e.subject), lower($10)) > 0) \
              AND ($11::timestamptz IS NULL OR {key}.received_at >= $11) \
              AND ($12::timestamptz IS NULL OR {key}.received_at < $12) \
              AND ($13::timestamptz IS NULL OR ({key}.received_at, {key}.email_id) {beyond} ($13, $14)) \
              AND {label} ORDER BY {key}.received_at {order}, {key}.email_id {order} LIMIT $15) AS e \
             ORDER BY e.received_at {order}, e.email_id {order} LIMIT $15",
            columns = email_columns!(),
        )
    }
}

/// Lists mails.
pub async fn list(tx: &TenantTx, filter: Filter) -> Result<Vec<Email>, Error> {
    let text = filter.text();
    let (after_time, after_id) = filter.after.unzip();
    Statement::dynamic(text)
        .binds((filter.accounts, filter.label, filter.thread_id, filter.message_id, filter.unread, filter.processed))
        .binds((filter.include_deleted, filter.drafts, filter.from, filter.subject))
        .binds((filter.received_after, filter.received_before, after_time, after_id, filter.limit, filter.spam_trash))
        .load(tx)
        .await
}
