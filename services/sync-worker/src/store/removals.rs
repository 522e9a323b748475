//! What goes with a mail: its source, its words, its labels, what hangs on it, and blobs that nothing names any more.

use postrider_domain::EmailId;
use postrider_storage::{Error, TenantTx, sql};

use super::blobs;

/// Removes what hangs on mails, all but the mails' own rows and who holds on to them.
pub async fn remove_content(tx: &TenantTx, emails: &[EmailId]) -> Result<(), Error> {
    if emails.is_empty() {
        return Ok(());
    }
    blobs::release(tx, emails).await?;
    tokio::try_join!(
        sql("DELETE FROM email_labels WHERE tenant = nullif(current_setting('postrider.tenant', true), '') \
               AND email_id = ANY ($1)")
        .bind(emails)
        .execute(tx),
        sql("DELETE FROM source_chunks WHERE tenant = nullif(current_setting('postrider.tenant', true), '') \
               AND email_id = ANY ($1)")
        .bind(emails)
        .execute(tx),
        sql("DELETE FROM email_search WHERE tenant = nullif(current_setting('postrider.tenant', true), '') \
               AND email_id = ANY ($1)")
        .bind(emails)
        .execute(tx),
    )?;
    Ok(())
}
