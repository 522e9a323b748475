//! Looking at the mirror behind the services' backs, as the administrator.

use std::collections::{BTreeMap, BTreeSet};

use diesel_async::AsyncPgConnection;
use postrider_storage::sql;
use uuid::Uuid;

use crate::sim::Truth;

postrider_storage::row! {
    struct Row {
        message_id: String,
        thread_id: String,
        label_ids: Vec<String>,
    }
}

postrider_storage::row! {
    struct Count {
        n: i64,
    }
}

postrider_storage::row! {
    struct Announced {
        message_id: String,
        times: i64,
    }
}

postrider_storage::row! {
    struct Pair {
        id: Uuid,
        text: String,
    }
}

postrider_storage::row! {
    struct OneText {
        text: String,
    }
}

postrider_storage::row! {
    struct Flag {
        yes: bool,
    }
}

/// What the mirror says is in the mailbox, by message id.
pub async fn state(conn: &AsyncPgConnection, connector: Uuid) -> BTreeMap<String, Truth> {
    let rows = sql("SELECT message_id, thread_id, label_ids FROM mailbox.emails \
         WHERE connector_id = $1 AND NOT is_deleted AND NOT stub")
    .bind(connector)
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
pub async fn count(conn: &AsyncPgConnection, connector: Uuid) -> i64 {
    sql("SELECT count(*) AS n FROM mailbox.emails WHERE connector_id = $1 AND NOT is_deleted AND NOT stub")
        .bind(connector)
        .get_result::<Count>(conn)
        .await
        .map_or(0, |row| row.n)
}

/// How many `new_message` notifications each mail of an account has.
pub async fn notified(conn: &AsyncPgConnection, connector: Uuid) -> BTreeMap<String, i64> {
    let rows = sql("SELECT message_id, count(*) AS times FROM notification.notifications \
         WHERE account_id = $1 AND type = 'new_message' GROUP BY message_id")
    .bind(connector)
    .load::<Announced>(conn)
    .await
    .expect("the notifications can be read");
    rows.into_iter().map(|row| (row.message_id, row.times)).collect()
}

/// Notifications of one type of an account.
pub async fn notifications_of(conn: &AsyncPgConnection, connector: Uuid, kind: &str) -> i64 {
    sql("SELECT count(*) AS n FROM notification.notifications WHERE account_id = $1 AND type = $2")
        .bind(connector)
        .bind(kind)
        .get_result::<Count>(conn)
        .await
        .map_or(0, |row| row.n)
}

/// Every mail that is stored, of all accounts: (connector, message id).
pub async fn stored(conn: &AsyncPgConnection) -> BTreeSet<(Uuid, String)> {
    pairs(conn, "SELECT connector_id AS id, message_id AS text FROM mailbox.emails WHERE NOT is_deleted AND NOT stub")
        .await
}

/// Every mail that somebody was told of, of all accounts.
pub async fn told(conn: &AsyncPgConnection) -> BTreeSet<(Uuid, String)> {
    let text = "SELECT account_id AS id, message_id AS text FROM notification.notifications WHERE type = 'new_message'";
    pairs(conn, text).await
}

async fn pairs(conn: &AsyncPgConnection, text: &'static str) -> BTreeSet<(Uuid, String)> {
    let rows = sql(text).load::<Pair>(conn).await.expect("the tables can be read");
    rows.into_iter().map(|row| (row.id, row.text)).collect()
}

/// Whether the first sync of an account has ended.
pub async fn first_synced(conn: &AsyncPgConnection, connector: Uuid) -> bool {
    sql("SELECT first_synced_at IS NOT NULL AS yes FROM mailbox.mailboxes WHERE connector_id = $1")
        .bind(connector)
        .optional::<Flag>(conn)
        .await
        .ok()
        .flatten()
        .is_some_and(|row| row.yes)
}

/// Source message ids of every push that stands in the queue, of all accounts.
pub async fn queued_pushes(conn: &AsyncPgConnection) -> BTreeSet<String> {
    let rows = sql("SELECT DISTINCT source_message_id AS text FROM mailbox.notification_queue")
        .load::<OneText>(conn)
        .await
        .expect("the queue can be read");
    rows.into_iter().map(|row| row.text).collect()
}

/// The status of a mailbox, as sync-worker knows it.
pub async fn status(conn: &AsyncPgConnection, connector: Uuid) -> String {
    sql("SELECT status AS text FROM mailbox.mailboxes WHERE connector_id = $1")
        .bind(connector)
        .get_result::<OneText>(conn)
        .await
        .expect("the mailbox is there")
        .text
}
