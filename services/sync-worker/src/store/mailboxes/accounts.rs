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
            last_synced_at, last_pushed_at, last_error \
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
