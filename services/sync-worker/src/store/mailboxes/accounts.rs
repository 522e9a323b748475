//! `mailboxes` as the API sees them: the accounts a user may read.

use postrider_domain::{AccountStatus, ConnectorId, HistoryId, Timestamp, UserId};
use postrider_storage::{Error, TenantTx, row, sql};

row! {
    /// One of the caller's accounts.
    #[derive(Debug, Clone)]
    pub struct Account {
        pub id: ConnectorId,
        pub address: String,
        pub address_key: String,
        pub google_sub: String,
        pub status: AccountStatus,
        pub cursor: Option<HistoryId>,
        pub include_spam_trash: bool,
        pub monitored: bool,
        /// When the end of the history was last reached.
        pub caught_up_at: Option<Timestamp>,
        pub due_at: Option<Timestamp>,
        pub last_synced_at: Option<Timestamp>,
        pub last_pushed_at: Option<Timestamp>,
        pub last_error: Option<String>,
    }

    /// Where the event stream of an account stands.
    struct Head {
        stream: String,
        head: i64,
    }
}

/// The accounts of a user of the entered tenant, oldest first.
pub async fn list(tx: &TenantTx, owner: &UserId) -> Result<Vec<Account>, Error> {
    sql("SELECT connector_id AS id, address, address_key, google_sub, status, cursor, \
            coalesce((settings->>'include_spam_trash')::boolean, false) AS include_spam_trash, \
            monitored, caught_up_at, due_at, last_synced_at, last_pushed_at, last_error \
         FROM mailboxes \
         WHERE tenant = nullif(current_setting('postrider.tenant', true), '') AND owner = $1 \
         ORDER BY created_at, connector_id")
    .bind(owner)
    .load(tx)
    .await
}

/// Where the event streams of the given accounts stand: who has read a list knows from which event on to listen.
pub async fn as_of_seq(tx: &TenantTx, accounts: &[ConnectorId]) -> Result<Vec<(ConnectorId, i64)>, Error> {
    let streams: Vec<String> = accounts.iter().map(|id| postrider_contracts::streams::mailbox(*id)).collect();
    let heads: Vec<Head> =
        sql("SELECT stream, head FROM streams WHERE stream = ANY($1)").bind(&streams).load(tx).await?;
    let head = |stream: &String| heads.iter().find(|row| row.stream == *stream).map_or(0, |row| row.head);
    Ok(accounts.iter().copied().zip(streams.iter().map(head)).collect())
}

/// Switches the monitor of some accounts: while it is off nothing is polled, and pushes are only recorded. Switched on, they
/// are due now; switched off, what is due by a poll or a push is so no more.
pub async fn monitor(tx: &TenantTx, accounts: &[ConnectorId], on: bool, now: Timestamp) -> Result<(), Error> {
    // In one order: two requests never wait for each other's mailboxes.
    sql("WITH held AS (SELECT connector_id FROM mailboxes \
           WHERE tenant = nullif(current_setting('postrider.tenant', true), '') AND connector_id = ANY ($1) \
           ORDER BY connector_id FOR NO KEY UPDATE) \
         UPDATE mailboxes m SET monitored = $2, requested = requested + 1, updated_at = $3, \
           due_reason = CASE WHEN $2 THEN 'asked' \
             WHEN m.due_reason IN ('poll', 'push', 'early_push', 'check', 'connected') THEN 'retry' ELSE m.due_reason END, \
           due_at = CASE WHEN m.status <> 'active' THEN NULL WHEN $2 THEN least(m.due_at, $3) \
             WHEN m.due_reason NOT IN ('poll', 'push', 'early_push', 'check', 'connected') THEN m.due_at \
             ELSE least(m.look_back_at, (SELECT min(p.next_attempt_at) FROM parked_changes p \
               WHERE p.tenant = m.tenant AND p.connector_id = m.connector_id), \
               (SELECT min(coalesce(r.not_before, $3)) FROM sync_runs r WHERE r.tenant = m.tenant \
                 AND r.connector_id = m.connector_id AND r.finished_at IS NULL)) END \
         FROM held WHERE m.connector_id = held.connector_id")
    .binds((accounts, on, now))
    .execute(tx)
    .await?;
    Ok(())
}
