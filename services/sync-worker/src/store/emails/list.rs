//! Lists of mails for the API. What is to use an index compares uuids and texts for equality, booleans, and times by order:
//! these are leakproof, so row-level security lets them into the index condition. Comparisons of label arrays and of words are
//! not; they only sift the rows that an index found.

use postrider_domain::{ConnectorId, EmailId, LabelId, MessageId, ThreadId, Timestamp};
use postrider_storage::{Error, Statement, TenantTx};

use super::{Email, email_columns};
use crate::store::search::Hit;

/// Which mails a list shows. `accounts` is never empty: without accounts there is nothing to ask. What differs from account
/// to account stands in lists as long as `accounts`, or empty where nothing is asked.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub accounts: Vec<ConnectorId>,
    /// The label whose index gives the order.
    pub label: Vec<LabelId>,
    /// Further labels a mail must have, and those it must not have: ids, a line each.
    pub wanted: Vec<String>,
    pub unwanted: Vec<String>,
    /// Words it must not hold, as the index is asked.
    pub refused: Vec<String>,
    pub thread_id: Option<ThreadId>,
    pub message_id: Option<MessageId>,
    pub unread: Option<bool>,
    pub processed: Option<bool>,
    pub attachment: Option<bool>,
    pub include_deleted: bool,
    /// Show drafts.
    pub drafts: bool,
    /// The accounts whose spam and trash is shown.
    pub spam_trash: Vec<ConnectorId>,
    /// The sender's address, folded.
    pub sender_key: Option<String>,
    pub received_after: Option<Timestamp>,
    pub received_before: Option<Timestamp>,
    pub oldest_first: bool,
    /// Sort key of the last row of the page before.
    pub after: Option<(Timestamp, EmailId)>,
    pub limit: i64,
}

/// What every list says of a mail `e` of an account.
const FITS: &str = "e.tenant = nullif(current_setting('postrider.tenant', true), '') AND NOT e.stub \
    AND ($3::text IS NULL OR e.thread_id = $3) AND ($4::text IS NULL OR e.message_id = $4) \
    AND ($5::boolean IS NULL OR e.unread = $5) AND ($6::boolean IS NULL OR e.processed = $6) \
    AND ($7 OR NOT e.is_deleted) AND ($8 OR NOT e.is_draft) \
    AND (e.connector_id = ANY($16) OR NOT (e.is_spam OR e.is_trash)) \
    AND ($9::text IS NULL OR e.sender_key = $9) AND ($19::boolean IS NULL OR e.has_attachments = $19)";
const ACCOUNTS: &str = "unnest($1, $2, $10, $17, $18) AS account (id, label, wanted, unwanted, refused)";

impl Filter {
    /// What is asked of each account by itself, where it is asked: the planner knows nothing of these conditions, and each
    /// one that says nothing would make it believe that hardly a mail fits.
    fn sifts(&self) -> String {
        let sifts = [
            (&self.wanted, "AND string_to_array(account.wanted, E'\\n') <@ e.label_ids"),
            (&self.unwanted, "AND NOT string_to_array(account.unwanted, E'\\n') && e.label_ids"),
            (&self.refused, "AND NOT mail_holds(e.email_id, account.refused)"),
        ];
        sifts.into_iter().filter(|(asked, _)| !asked.is_empty()).map(|(_, text)| text).collect::<Vec<_>>().join(" ")
    }

    /// Each account is asked for a page of its own, in the order of its index, and the pages are merged: one list over
    /// `ANY` account would sort all mail of all. Put together from fixed pieces; values go in as binds.
    fn walk(&self) -> String {
        let (order, beyond) = if self.oldest_first { ("ASC", ">") } else { ("DESC", "<") };
        // Of a label, the label's own index gives the order. Both say the tenant: each index begins with it.
        let (from, key, label) = match self.label.is_empty() {
            true => ("emails e", "e", "true"),
            false => (
                "email_labels l JOIN emails e ON e.tenant = l.tenant AND e.connector_id = l.connector_id \
                 AND e.email_id = l.email_id",
                "l",
                "l.label_id = account.label AND l.tenant = nullif(current_setting('postrider.tenant', true), '')",
            ),
        };
        format!(
            "SELECT e.* FROM {ACCOUNTS} CROSS JOIN LATERAL ( \
               SELECT {columns} FROM {from} WHERE {FITS} {sifts} AND {key}.connector_id = account.id \
              AND ($11::timestamptz IS NULL OR {key}.received_at >= $11) \
              AND ($12::timestamptz IS NULL OR {key}.received_at < $12) \
              AND ($13::timestamptz IS NULL OR ({key}.received_at, {key}.email_id) {beyond} ($13, $14)) \
              AND {label} ORDER BY {key}.received_at {order}, {key}.email_id {order} LIMIT $15) AS e \
             ORDER BY e.received_at {order}, e.email_id {order} LIMIT $15",
            columns = email_columns!(),
            sifts = self.sifts(),
        )
    }

    /// Those that fit of some mails, which `$20` names in their order.
    fn sift(&self) -> String {
        let label = if self.label.is_empty() { "true" } else { "account.label = ANY (e.label_ids)" };
        format!(
            "SELECT {columns} FROM unnest($20) WITH ORDINALITY AS hit (id, place) \
             CROSS JOIN LATERAL (SELECT * FROM emails m \
               WHERE m.tenant = nullif(current_setting('postrider.tenant', true), '') AND m.email_id = hit.id OFFSET 0) e \
             JOIN {ACCOUNTS} ON account.id = e.connector_id \
             WHERE {FITS} {sifts} AND {label} AND ($11::timestamptz IS NULL OR e.received_at >= $11) \
               AND ($12::timestamptz IS NULL OR e.received_at < $12) \
             ORDER BY hit.place LIMIT $15",
            columns = email_columns!(),
            sifts = self.sifts(),
        )
    }

    async fn run(self, tx: &TenantTx, text: String, hits: Option<&[Hit]>) -> Result<Vec<Email>, Error> {
        let (after_time, after_id) = self.after.unzip();
        let statement = Statement::dynamic(text)
            .binds((self.accounts, self.label, self.thread_id, self.message_id, self.unread, self.processed))
            .binds((self.include_deleted, self.drafts, self.sender_key, self.wanted))
            .binds((self.received_after, self.received_before, after_time, after_id, self.limit, self.spam_trash))
            .binds((self.unwanted, self.refused, self.attachment));
        match hits {
            Some(hits) => statement.bind(hits.iter().map(|hit| hit.email_id).collect::<Vec<_>>()).load(tx).await,
            None => statement.load(tx).await,
        }
    }

    /// Those that the list shows of the mails that were found, in their order.
    pub(super) async fn pick(self, tx: &TenantTx, hits: &[Hit]) -> Result<Vec<Email>, Error> {
        let text = self.sift();
        self.run(tx, text, Some(hits)).await
    }
}

/// Lists mails.
pub async fn list(tx: &TenantTx, filter: Filter) -> Result<Vec<Email>, Error> {
    let text = filter.walk();
    filter.run(tx, text, None).await
}
