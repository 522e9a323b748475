//! `email_references`: who holds on to a mail.

use postrider_domain::{EmailId, TenantId, Timestamp};
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

/// Somebody holds on to a mail. Returns whether that is new. One whose content is removed in this moment is waited for, and
/// is held by nobody then.
pub async fn put(
    tx: &TenantTx,
    tenant: &TenantId,
    email: EmailId,
    kind: &str,
    reference: &str,
    now: Timestamp,
) -> Result<bool, Error> {
    let put = sql("INSERT INTO email_references (tenant, email_id, kind, ref, created_at) \
         SELECT $1, e.email_id, $3, $4, $5 FROM emails e WHERE e.tenant = $1 AND e.email_id = $2 AND NOT e.stub \
         FOR KEY SHARE ON CONFLICT DO NOTHING")
    .binds((tenant, email, kind, reference, now))
    .execute(tx)
    .await?;
    Ok(put > 0)
}

/// Somebody lets go of a mail; who never held it does no harm.
pub async fn remove(tx: &TenantTx, email: EmailId, kind: &str, reference: &str) -> Result<(), Error> {
    sql("DELETE FROM email_references WHERE tenant = nullif(current_setting('postrider.tenant', true), '') \
           AND email_id = $1 AND kind = $2 AND ref = $3")
    .binds((email, kind, reference))
    .execute(tx)
    .await?;
    Ok(())
}
