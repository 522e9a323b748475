//! `digest_schedules` and `digests`: when a digest is due, and which there were.

use postrider_domain::{ConnectorId, NotificationId, TenantId, Timestamp, UserId};
use postrider_storage::due::CLAIM_SECONDS;
use postrider_storage::{Error, SystemTx, TenantTx, Value, claim_due, sql};
use uuid::Uuid;

use crate::rules::preferences::Frequency;

/// Most ids that one digest is shown with: the newest.
const SHOWN: i64 = 1_000;

postrider_storage::row! {
    /// A schedule whose period is over.
    #[derive(Debug, Clone)]
    pub struct DueDigest {
        pub id: Uuid,
        pub tenant: TenantId,
        pub user_id: UserId,
    }

    /// A schedule.
    #[derive(Debug, Clone, PartialEq)]
    pub struct Scheduled {
        pub id: Uuid,
        pub user_id: UserId,
        pub scope: String,
        pub since: Timestamp,
        pub period_start: Timestamp,
        pub due_at: Timestamp,
    }

    /// A digest that there was.
    #[derive(Debug, Clone, PartialEq)]
    pub struct Digest {
        pub id: Uuid,
        pub user_id: UserId,
        pub scope: String,
        pub frequency: Frequency,
        pub time_zone: String,
        pub period_start: Timestamp,
        pub period_end: Timestamp,
        pub notification_count: i64,
        pub email_sent_at: Option<Timestamp>,
        pub created_at: Timestamp,
    }

    struct Member {
        digest: Uuid,
        notification: NotificationId,
    }
}

macro_rules! columns {
    () => {
        "id, user_id, scope, frequency, time_zone, period_start, period_end, notification_count, email_sent_at, created_at"
    };
}

impl Scheduled {
    /// The one account it is for; nothing if it is for all that have none of their own.
    pub fn account(&self) -> Option<ConnectorId> {
        self.scope.parse().ok().map(ConnectorId)
    }
}

/// Claims schedules that are due.
pub async fn claim(tx: &SystemTx, now: Timestamp, limit: i64) -> Result<Vec<DueDigest>, Error> {
    sql(claim_due!(
        table "digest_schedules",
        of "id",
        due "due_at",
        claimed "claimed_until",
        returning "id, tenant, user_id"
    ))
    .binds((now, limit, CLAIM_SECONDS))
    .load(tx)
    .await
}

/// All of a user's. The user's row must be locked by whoever changes them.
pub async fn schedules(tx: &TenantTx, tenant: &TenantId, user: &UserId) -> Result<Vec<Scheduled>, Error> {
    sql("SELECT id, user_id, scope, since, period_start, due_at FROM digest_schedules \
         WHERE tenant = $1 AND user_id = $2 ORDER BY scope")
    .binds((tenant, user))
    .load(tx)
    .await
}

/// Begins one, or moves what is due of one that is there.
pub async fn schedule(tx: &TenantTx, tenant: &TenantId, one: &Scheduled, now: Timestamp) -> Result<(), Error> {
    sql("INSERT INTO digest_schedules (id, tenant, user_id, scope, since, period_start, due_at, created_at, updated_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8) \
         ON CONFLICT ON CONSTRAINT digest_schedules_once DO UPDATE SET period_start = excluded.period_start, \
             due_at = excluded.due_at, claimed_until = NULL, updated_at = excluded.updated_at")
    .binds((one.id, tenant, &one.user_id, &one.scope, one.since, one.period_start, one.due_at, now))
    .execute(tx)
    .await?;
    Ok(())
}

/// Ends one.
pub async fn unschedule(tx: &TenantTx, tenant: &TenantId, id: Uuid) -> Result<(), Error> {
    sql("DELETE FROM digest_schedules WHERE tenant = $1 AND id = $2").binds((tenant, id)).execute(tx).await?;
    Ok(())
}

/// What a digest takes: what a user was told before an instant, about these accounts, and is in no digest yet.
#[derive(Debug, Clone)]
pub struct Taken<'a> {
    pub tenant: &'a TenantId,
    pub user: &'a UserId,
    /// One account alone.
    pub only: Option<ConnectorId>,
    /// Accounts with digests of their own.
    pub but: &'a [ConnectorId],
    pub since: Timestamp,
    pub before: Timestamp,
    pub digest: Uuid,
    /// What is added to each one's decisions.
    pub decision: serde_json::Value,
}

/// Puts them into the digest, not those that their user has archived. Returns how many.
pub async fn take(tx: &TenantTx, taken: Taken<'_>) -> Result<usize, Error> {
    sql("UPDATE notifications SET digest_id = $3, decision = decision || $4 \
         WHERE tenant = $1 AND user_id = $2 AND digest_id IS NULL AND in_digests AND (NOT is_archived OR archived_at >= expires_at) \
             AND created_at >= $5 AND created_at < $6 AND ($7::uuid IS NULL OR account_id = $7) \
             AND (account_id IS NULL OR account_id <> ALL($8))")
    .binds((taken.tenant, taken.user, taken.digest, taken.decision, taken.since, taken.before, taken.only, taken.but))
    .execute(tx)
    .await
}

/// Writes a digest; false if that period has one already.
pub async fn insert(tx: &TenantTx, tenant: &TenantId, new: &Digest) -> Result<bool, Error> {
    let written =
        sql("INSERT INTO digests (tenant, id, user_id, scope, frequency, time_zone, period_start, period_end, \
             notification_count, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT ON CONSTRAINT digests_once DO NOTHING")
        .binds((tenant, new.id, &new.user_id, &new.scope, new.frequency, &new.time_zone, new.period_start))
        .binds((new.period_end, new.notification_count, new.created_at))
        .execute(tx)
        .await?;
    Ok(written == 1)
}

/// Where the last digest of a scope ended.
pub async fn last_end(
    tx: &TenantTx,
    tenant: &TenantId,
    user: &UserId,
    scope: &str,
) -> Result<Option<Timestamp>, Error> {
    let found = sql("SELECT period_end AS value FROM digests WHERE tenant = $1 AND user_id = $2 AND scope = $3 \
         ORDER BY period_start DESC LIMIT 1")
    .binds((tenant, user, scope))
    .optional::<Value<Timestamp>>(tx)
    .await?;
    Ok(found.map(|Value(end)| end))
}

/// One of a tenant's.
pub async fn find(tx: &TenantTx, tenant: &TenantId, id: Uuid) -> Result<Option<Digest>, Error> {
    sql(concat!("SELECT ", columns!(), " FROM digests WHERE tenant = $1 AND id = $2"))
        .binds((tenant, id))
        .optional(tx)
        .await
}

/// A page of a user's, newest first.
pub async fn page(
    tx: &TenantTx,
    tenant: &TenantId,
    user: &UserId,
    offset: i64,
    limit: i64,
) -> Result<Vec<Digest>, Error> {
    sql(concat!(
        "SELECT ",
        columns!(),
        " FROM digests WHERE tenant = $1 AND user_id = $2 ORDER BY id DESC OFFSET $3 LIMIT $4"
    ))
    .binds((tenant, user, offset, limit))
    .load(tx)
    .await
}

/// How many a user has.
pub async fn count(tx: &TenantTx, tenant: &TenantId, user: &UserId) -> Result<i64, Error> {
    let Value(count) = sql("SELECT count(*) AS value FROM digests WHERE tenant = $1 AND user_id = $2")
        .binds((tenant, user))
        .get_result(tx)
        .await?;
    Ok(count)
}

/// What is in each of these digests, newest first, as far as it is kept.
pub async fn members(tx: &TenantTx, tenant: &TenantId, digests: &[Uuid]) -> Result<Vec<(Uuid, NotificationId)>, Error> {
    let rows =
        sql("SELECT d.id AS digest, n.id AS notification FROM unnest($2::uuid[]) AS d (id) CROSS JOIN LATERAL ( \
             SELECT id, created_nseq FROM notifications WHERE tenant = $1 AND digest_id = d.id \
             ORDER BY created_nseq DESC LIMIT $3) n ORDER BY n.created_nseq DESC")
        .binds((tenant, digests, SHOWN))
        .load::<Member>(tx)
        .await?;
    Ok(rows.into_iter().map(|row| (row.digest, row.notification)).collect())
}

/// Notes that the mail server took it.
pub async fn sent(tx: &TenantTx, tenant: &TenantId, id: Uuid, at: Timestamp) -> Result<(), Error> {
    sql("UPDATE digests SET email_sent_at = $3 WHERE tenant = $1 AND id = $2 AND email_sent_at IS NULL")
        .binds((tenant, id, at))
        .execute(tx)
        .await?;
    Ok(())
}

/// Forgets at most `most` of a tenant's digests older than the given instant. Returns how many.
pub async fn prune(tx: &TenantTx, tenant: &TenantId, before: Timestamp, most: i64) -> Result<usize, Error> {
    sql("DELETE FROM digests WHERE tenant = $1 AND id IN ( \
             SELECT id FROM digests WHERE tenant = $1 AND created_at < $2 ORDER BY created_at LIMIT $3)")
    .binds((tenant, before, most))
    .execute(tx)
    .await
}
