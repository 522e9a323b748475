//! `email_labels`: labels of mails as rows, for filters by label.

use postrider_domain::{EmailId, LabelId, Timestamp};
use postrider_storage::{Error, TenantTx, sql};

use super::mailboxes::Guard;

/// The labels one mail now has.
pub struct LabelRows<'a> {
    pub email_id: EmailId,
    pub received_at: Timestamp,
    pub labels: &'a [LabelId],
    /// The mail may have rows already.
    pub replace: bool,
}

/// Makes the rows say what the mails' labels are.
pub async fn put(tx: &TenantTx, guard: &Guard, rows: &[LabelRows<'_>]) -> Result<(), Error> {
    let replaced: Vec<EmailId> = rows.iter().filter(|row| row.replace).map(|row| row.email_id).collect();
    if !replaced.is_empty() {
        sql("DELETE FROM email_labels WHERE tenant = $1 AND email_id = ANY ($2)")
            .binds((&guard.tenant, replaced))
            .execute(tx)
            .await?;
    }
    let pairs: Vec<_> = rows.iter().flat_map(|row| row.labels.iter().map(move |label| (row, label))).collect();
    if pairs.is_empty() {
        return Ok(());
    }
    sql("INSERT INTO email_labels (tenant, connector_id, email_id, label_id, received_at) \
         SELECT $1, $2, n.email_id, n.label_id, n.received_at \
         FROM {n: email_id uuid, label_id text, received_at timestamptz} ON CONFLICT DO NOTHING")
    .binds((&guard.tenant, guard.connector))
    .column("email_id", pairs.iter().map(|(row, _)| row.email_id))
    .column("label_id", pairs.iter().map(|(_, label)| *label))
    .column("received_at", pairs.iter().map(|(row, _)| row.received_at))
    .execute(tx)
    .await?;
    Ok(())
}
