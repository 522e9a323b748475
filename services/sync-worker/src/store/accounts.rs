//! `mailboxes` as the API sees them: the accounts a user may read.

use postrider_domain::{ConnectorId, Timestamp, UserId};
use postrider_storage::types::{Array, BigInt, Bool, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use postrider_storage::{Error, QueryableByName, Tx, sql};
use uuid::Uuid;

/// One of the caller's accounts.
#[derive(Debug, Clone, QueryableByName)]
pub struct Account {
    #[diesel(sql_type = SqlUuid)]
    pub connector_id: Uuid,
    #[diesel(sql_type = Text)]
    pub address: String,
    #[diesel(sql_type = Text)]
    pub address_key: String,
    #[diesel(sql_type = Text)]
    pub google_sub: String,
    #[diesel(sql_type = Text)]
    pub status: String,
    #[diesel(sql_type = Integer)]
    pub generation: i32,
    #[diesel(sql_type = Nullable<BigInt>)]
    pub cursor: Option<i64>,
    #[diesel(sql_type = Bool)]
    pub include_spam_trash: bool,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub last_synced_at: Option<Timestamp>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub last_pushed_at: Option<Timestamp>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub caught_up_at: Option<Timestamp>,
    #[diesel(sql_type = Nullable<Text>)]
    pub last_error: Option<String>,
}

impl Account {
    pub fn id(&self) -> ConnectorId {
        ConnectorId(self.connector_id)
    }
}

/// The accounts of a user of the entered tenant, oldest first.
pub async fn list(tx: &Tx, owner: &UserId) -> Result<Vec<Account>, Error> {
    sql("SELECT connector_id, address, address_key, google_sub, status, generation, cursor, \
            coalesce((settings->>'include_spam_trash')::boolean, false) AS include_spam_trash, \
            last_synced_at, last_pushed_at, caught_up_at, last_error \
         FROM mailboxes \
         WHERE tenant = nullif(current_setting('postrider.tenant', true), '') AND owner = $1 \
         ORDER BY created_at, connector_id")
    .bind_as::<Text, _>(owner.as_str().to_owned())
    .load(tx)
    .await
}

#[derive(QueryableByName)]
struct Head {
    #[diesel(sql_type = Text)]
    stream: String,
    #[diesel(sql_type = BigInt)]
    head: i64,
}

/// Where the event streams of the given accounts stand: who has read a list knows from which event on to listen.
pub async fn as_of_seq(tx: &Tx, accounts: &[ConnectorId]) -> Result<Vec<(ConnectorId, i64)>, Error> {
    let streams: Vec<String> = accounts.iter().map(|id| postrider_contracts::streams::mailbox(*id)).collect();
    let heads = sql("SELECT stream, head FROM streams WHERE stream = ANY($1)")
        .bind_as::<Array<Text>, _>(streams)
        .load::<Head>(tx)
        .await?;
    Ok(accounts
        .iter()
        .map(|id| {
            let stream = postrider_contracts::streams::mailbox(*id);
            (*id, heads.iter().find(|row| row.stream == stream).map_or(0, |row| row.head))
        })
        .collect())
}
