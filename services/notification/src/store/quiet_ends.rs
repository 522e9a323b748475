//! `quiet_ends`: users with something held, and when it is decided again.

use postrider_domain::{TenantId, Timestamp, UserId};
use postrider_storage::due::CLAIM_SECONDS;
use postrider_storage::{Error, SystemTx, TenantTx, claim_due, row, sql};
use uuid::Uuid;

row! {
    /// Somebody whose quiet hours end.
    #[derive(Debug, Clone)]
    pub struct QuietEnd {
        pub tenant: TenantId,
        pub user_id: UserId,
    }
}

/// Notes that something of a user is held until then. The user's row must be locked.
pub async fn note(
    tx: &TenantTx,
    id: Uuid,
    tenant: &TenantId,
    user: &UserId,
    until: Timestamp,
    now: Timestamp,
) -> Result<(), Error> {
    sql("INSERT INTO quiet_ends AS q (id, tenant, user_id, due_at, created_at) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (tenant, user_id) DO UPDATE SET due_at = least(q.due_at, excluded.due_at)")
    .binds((id, tenant, user, until, now))
    .execute(tx)
    .await?;
    Ok(())
}

/// Has what is held decided again now: its user has changed a setting.
pub async fn look_again(tx: &TenantTx, tenant: &TenantId, user: &UserId, now: Timestamp) -> Result<(), Error> {
    sql("UPDATE quiet_ends SET due_at = least(due_at, $3) WHERE tenant = $1 AND user_id = $2")
        .binds((tenant, user, now))
        .execute(tx)
        .await?;
    Ok(())
}

/// Claims users who are due.
pub async fn claim(tx: &SystemTx, now: Timestamp, limit: i64) -> Result<Vec<QuietEnd>, Error> {
    sql(claim_due!(
        table "quiet_ends",
        of "id",
        due "due_at",
        claimed "claimed_until",
        returning "tenant, user_id"
    ))
    .binds((now, limit, CLAIM_SECONDS))
    .load(tx)
    .await
}

/// Ends a claim: the next time, or nothing is held any more. The user's row must be locked.
pub async fn next(tx: &TenantTx, tenant: &TenantId, user: &UserId, due: Option<Timestamp>) -> Result<(), Error> {
    let statement = match due {
        Some(due) => sql("UPDATE quiet_ends SET due_at = $3, claimed_until = NULL WHERE tenant = $1 AND user_id = $2")
            .binds((tenant, user, due)),
        None => sql("DELETE FROM quiet_ends WHERE tenant = $1 AND user_id = $2").binds((tenant, user)),
    };
    statement.execute(tx).await?;
    Ok(())
}
