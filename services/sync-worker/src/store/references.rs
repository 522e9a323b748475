//! `email_references`: who holds on to a mail.

use postrider_domain::{EmailId, Timestamp};
use postrider_storage::{Error, TenantTx, row, sql};

row! {
    /// Somebody who holds on to a mail.
    #[derive(Debug)]
    pub struct Reference {
        pub kind: String,
        pub reference: String,
        pub created_at: Timestamp,
    }
}

/// References on a mail.
pub async fn list(tx: &TenantTx, email: EmailId) -> Result<Vec<Reference>, Error> {
    sql("SELECT kind, ref AS reference, created_at FROM email_references \
         WHERE tenant = nullif(current_setting('postrider.tenant', true), '') AND email_id = $1 ORDER BY kind, ref")
    .bind(email)
    .load(tx)
    .await
}
