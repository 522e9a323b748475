//! `emails.processed`: the consumers' flag.

use postrider_domain::{ConnectorId, EmailId, Timestamp};
use postrider_storage::{Error, TenantTx, Value, sql};

/// Sets the flag on mails of the given accounts. Returns those that are there, changed or not.
///
/// Takes the mailboxes' locks first, as the engine's commits do: neither then waits for the other's rows in another order.
pub async fn set_processed(
    tx: &TenantTx,
    accounts: &[ConnectorId],
    emails: &[EmailId],
    processed: bool,
    now: Timestamp,
) -> Result<Vec<EmailId>, Error> {
    sql("SELECT connector_id AS value FROM mailboxes \
         WHERE connector_id IN (SELECT connector_id FROM emails \
             WHERE tenant = nullif(current_setting('postrider.tenant', true), '') AND email_id = ANY ($1)) \
           AND connector_id = ANY ($2) ORDER BY connector_id FOR NO KEY UPDATE")
    .binds((emails, accounts))
    .load::<Value<ConnectorId>>(tx)
    .await?;
    let found = sql("WITH found AS (SELECT tenant, email_id, processed FROM emails \
           WHERE tenant = nullif(current_setting('postrider.tenant', true), '') AND email_id = ANY ($1) \
             AND connector_id = ANY ($2) AND NOT stub), \
         changed AS (UPDATE emails e SET processed = $3, processed_at = CASE WHEN $3 THEN $4::timestamptz END, \
             updated_at = $4 \
           FROM found f WHERE e.tenant = f.tenant AND e.email_id = f.email_id AND f.processed <> $3) \
         SELECT email_id AS value FROM found")
    .binds((emails, accounts, processed, now))
    .load::<Value<EmailId>>(tx)
    .await?;
    Ok(found.into_iter().map(|row| row.0).collect())
}
