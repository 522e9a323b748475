//! Looking at the mirror behind the services' backs, as the administrator.

use std::collections::BTreeMap;

use diesel_async::AsyncPgConnection;
use storage::types::{Array, BigInt, Bool, Text, Uuid as SqlUuid};
use storage::{QueryableByName, sql};
use uuid::Uuid;

use crate::sim::Truth;

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    message_id: String,
    #[diesel(sql_type = Text)]
    thread_id: String,
    #[diesel(sql_type = Array<Text>)]
    label_ids: Vec<String>,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

/// Counts of the ledger.
#[derive(Debug, QueryableByName)]
pub struct Ledger {
    #[diesel(sql_type = BigInt)]
    pub seen: i64,
    #[diesel(sql_type = BigInt)]
    pub applied: i64,
    #[diesel(sql_type = BigInt)]
    pub tombstoned: i64,
    #[diesel(sql_type = BigInt)]
    pub parked: i64,
}

#[derive(QueryableByName)]
struct Announced {
    #[diesel(sql_type = Text)]
    message_id: String,
    #[diesel(sql_type = BigInt)]
    times: i64,
}

#[derive(QueryableByName)]
struct Flag {
    #[diesel(sql_type = Bool)]
    yes: bool,
}

/// What the mirror says is in the mailbox, by message id.
pub async fn state(conn: &mut AsyncPgConnection, connector: Uuid) -> BTreeMap<String, Truth> {
    let rows = sql("SELECT message_id, thread_id, label_ids FROM mailbox.emails \
         WHERE connector_id = $1 AND NOT is_deleted AND NOT stub")
    .bind::<SqlUuid, _>(connector)
    .load::<Row>(conn)
    .await
    .expect("the mirror can be read");
    rows.into_iter()
        .map(|row| {
            let mut labels = row.label_ids;
            labels.sort();
            let truth = Truth { id: row.message_id.clone(), labels, thread_id: row.thread_id };
            (row.message_id, truth)
        })
        .collect()
}

/// Mails that are in the mirror, deleted ones left out.
pub async fn count(conn: &mut AsyncPgConnection, connector: Uuid) -> i64 {
    sql("SELECT count(*) AS n FROM mailbox.emails WHERE connector_id = $1 AND NOT is_deleted AND NOT stub")
        .bind::<SqlUuid, _>(connector)
        .get_result::<Count>(conn)
        .await
        .map_or(0, |row| row.n)
}

/// Law 3: the counts of the ledger.
pub async fn ledger(conn: &mut AsyncPgConnection, connector: Uuid) -> Option<Ledger> {
    sql("SELECT seen, applied, tombstoned, parked FROM mailbox.ledger WHERE connector_id = $1")
        .bind::<SqlUuid, _>(connector)
        .optional(conn)
        .await
        .expect("the ledger can be read")
}

/// How many `new_message` notifications each mail of an account has.
pub async fn notified(conn: &mut AsyncPgConnection, connector: Uuid) -> BTreeMap<String, i64> {
    let rows = sql("SELECT message_id, count(*) AS times FROM notification.notifications \
         WHERE account_id = $1 AND type = 'new_message' GROUP BY message_id")
    .bind::<SqlUuid, _>(connector)
    .load::<Announced>(conn)
    .await
    .expect("the notifications can be read");
    rows.into_iter().map(|row| (row.message_id, row.times)).collect()
}

/// Notifications of one type of an account.
pub async fn notifications_of(conn: &mut AsyncPgConnection, connector: Uuid, kind: &str) -> i64 {
    sql("SELECT count(*) AS n FROM notification.notifications WHERE account_id = $1 AND type = $2")
        .bind::<SqlUuid, _>(connector)
        .bind::<Text, _>(kind.to_owned())
        .get_result::<Count>(conn)
        .await
        .map_or(0, |row| row.n)
}

/// Whether the first sync of an account has ended.
pub async fn first_synced(conn: &mut AsyncPgConnection, connector: Uuid) -> bool {
    sql("SELECT first_synced_at IS NOT NULL AS yes FROM mailbox.mailboxes WHERE connector_id = $1")
        .bind::<SqlUuid, _>(connector)
        .optional::<Flag>(conn)
        .await
        .ok()
        .flatten()
        .is_some_and(|row| row.yes)
}

/// Pushes of an account that were taken into the queue.
pub async fn pushes(conn: &mut AsyncPgConnection, connector: Uuid) -> i64 {
    sql("SELECT count(*) AS n FROM mailbox.notification_queue WHERE connector_id = $1")
        .bind::<SqlUuid, _>(connector)
        .get_result::<Count>(conn)
        .await
        .map_or(0, |row| row.n)
}
