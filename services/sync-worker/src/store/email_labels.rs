//! Labels of mails as rows, for filters by label.

use postrider_domain::{EmailId, LabelId, Timestamp};
use postrider_storage::types::{Array, Text, Timestamptz, Uuid as SqlUuid};
use postrider_storage::{Error, Tx, sql};

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
pub async fn put(tx: &Tx, guard: &Guard, rows: &[LabelRows<'_>]) -> Result<(), Error> {
    let replaced: Vec<_> = rows.iter().filter(|row| row.replace).map(|row| row.email_id.0).collect();
    if !replaced.is_empty() {
        sql("DELETE FROM email_labels WHERE tenant = $1 AND email_id = ANY ($2)")
            .bind_as::<Text, _>(guard.tenant.as_str())
            .bind_as::<Array<SqlUuid>, _>(replaced)
            .execute(tx)
            .await?;
    }
    let pairs: Vec<_> = rows.iter().flat_map(|row| row.labels.iter().map(move |label| (row, label))).collect();
    if pairs.is_empty() {
        return Ok(());
    }
    sql("INSERT INTO email_labels (tenant, connector_id, email_id, label_id, received_at) \
         SELECT $1, $2, n.email_id, n.label_id, n.received_at \
         FROM unnest($3::uuid[], $4::text[], $5::timestamptz[]) AS n(email_id, label_id, received_at) \
         ON CONFLICT DO NOTHING")
    .bind_as::<Text, _>(guard.tenant.as_str())
    .bind_as::<SqlUuid, _>(guard.connector.0)
    .bind_as::<Array<SqlUuid>, _>(pairs.iter().map(|(row, _)| row.email_id.0).collect::<Vec<_>>())
    .bind_as::<Array<Text>, _>(pairs.iter().map(|(_, label)| label.as_str()).collect::<Vec<_>>())
    .bind_as::<Array<Timestamptz>, _>(pairs.iter().map(|(row, _)| row.received_at).collect::<Vec<_>>())
    .execute(tx)
    .await?;
    Ok(())
}
