//! Who works on which mailbox, read from the leases themselves.

use std::collections::{BTreeMap, BTreeSet};

use diesel_async::AsyncPgConnection;
use postrider_storage::sql;
use uuid::Uuid;

postrider_storage::row! {
    /// A lease that is held now.
    #[derive(Debug, Clone)]
    pub struct Held {
        pub connector_id: Uuid,
        /// The replica, by the name it gives itself at its start.
        pub owner: String,
        pub epoch: i64,
    }
}

/// The leases that are held now.
pub async fn held(conn: &AsyncPgConnection) -> Vec<Held> {
    sql("SELECT connector_id, lease_owner AS owner, epoch FROM mailbox.mailboxes \
         WHERE lease_owner IS NOT NULL AND lease_until > clock_timestamp()")
    .load(conn)
    .await
    .expect("the leases can be read")
}

/// The replicas that hold a lease now.
pub async fn owners(conn: &AsyncPgConnection) -> BTreeSet<String> {
    held(conn).await.into_iter().map(|lease| lease.owner).collect()
}

postrider_storage::row! {
    struct Epoch {
        connector_id: Uuid,
        epoch: i64,
    }
}

/// Fencing numbers: each lease that is taken adds one to its mailbox's.
pub async fn epochs(conn: &AsyncPgConnection) -> BTreeMap<Uuid, i64> {
    let rows = sql("SELECT connector_id, epoch FROM mailbox.mailboxes").load::<Epoch>(conn).await;
    rows.expect("the mailboxes can be read").into_iter().map(|row| (row.connector_id, row.epoch)).collect()
}
