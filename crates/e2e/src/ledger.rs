//! Law 3: every change of Gmail's history ended applied, tombstoned or parked, and is counted once.

use std::time::Duration;

use diesel_async::AsyncPgConnection;
use postrider_storage::sql;
use uuid::Uuid;

use crate::until::within;

postrider_storage::row! {
    /// What the tables say of one account's history. They are written by different statements of the engine, so that they
    /// prove each other.
    #[derive(Debug)]
    struct Books {
        has_ledger: bool,
        seen: i64,
        ended: i64,
        parked: i64,
        /// Entries of history records that were read.
        recorded: i64,
        /// What the parking lot itself says waits there.
        waiting: i64,
    }
}

/// Reads all books in one snapshot.
async fn books(conn: &AsyncPgConnection, connector: Uuid) -> Books {
    sql("SELECT l.seen IS NOT NULL AS has_ledger, coalesce(l.seen, 0) AS seen, \
           coalesce(l.applied + l.tombstoned, 0) AS ended, coalesce(l.parked, 0) AS parked, \
           (SELECT count(*) FROM mailbox.changes c WHERE c.connector_id = $1) AS recorded, \
           (SELECT coalesce(sum(p.changes), 0)::bigint FROM mailbox.parked_changes p WHERE p.connector_id = $1) \
             AS waiting \
         FROM (SELECT $1 AS id) one LEFT JOIN mailbox.ledger l ON l.connector_id = one.id")
    .bind(connector)
    .get_result(conn)
    .await
    .expect("the ledger can be read")
}

/// The books agree at any moment; with the mailbox at rest nothing is parked.
pub async fn every_change_has_ended(conn: &AsyncPgConnection, connector: Uuid, limit: Duration) {
    let now = books(conn, connector).await;
    assert!(now.has_ledger || now.recorded == 0, "history was applied without a ledger: {now:?}");
    assert_eq!(now.seen, now.recorded, "changes read and changes counted differ: {now:?}");
    assert_eq!(now.seen, now.ended + now.parked, "a change ended nowhere: {now:?}");
    assert_eq!(now.parked, now.waiting, "the ledger and the parking lot differ: {now:?}");
    within(limit, "nothing is parked", async || books(conn, connector).await.parked == 0).await;
}
