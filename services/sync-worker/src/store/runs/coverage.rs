//! What complete listings say about the mirror.

use postrider_domain::{ConnectorId, RunId, Timestamp};
use postrider_storage::{Error, TenantTx, row, sql};

row! {
    /// The last complete listings of mailboxes, added up.
    #[derive(Debug, Clone, Copy)]
    pub struct Listed {
        /// Mails they named that are wanted.
        pub listed: i64,
        /// Those of them that could not be stored.
        pub failed: i64,
        /// Mailboxes that had one.
        pub mailboxes: i64,
    }
}

/// The last run of each mailbox that listed all of it and left nothing out by a cap.
pub async fn last_listings(tx: &TenantTx, connectors: &[ConnectorId]) -> Result<Listed, Error> {
    sql("SELECT coalesce(sum(r.listed - r.outside), 0)::bigint AS listed, coalesce(sum(r.failed), 0)::bigint AS failed, \
            count(*) AS mailboxes \
         FROM unnest($1::uuid[]) AS m (id) CROSS JOIN LATERAL ( \
           SELECT listed, outside, failed FROM sync_runs WHERE tenant = nullif(current_setting('postrider.tenant', true), '') \
             AND connector_id = m.id AND state = 'completed' AND kind IN ('full', 'repair', 'audit') AND max_results IS NULL \
           ORDER BY created_at DESC, run_id DESC LIMIT 1) r")
    .bind(connectors)
    .get_result(tx)
    .await
}

row! {
    /// What the last audit of a mailbox found.
    #[derive(Debug, Clone, Copy)]
    pub struct Audit {
        pub run_id: RunId,
        pub finished_at: Timestamp,
        /// Mails that Gmail listed and that are wanted.
        pub listed: i64,
        /// Those of them that the mirror had not.
        pub missing: i64,
        /// Mails that the mirror had and Gmail has not.
        pub extra: i64,
        /// Those that could not be stored.
        pub failed: i64,
    }
}

/// The last audit of a mailbox that came to its end.
pub async fn last_audit(tx: &TenantTx, connector: ConnectorId) -> Result<Option<Audit>, Error> {
    sql("SELECT run_id, finished_at, listed - outside AS listed, new_emails + failed AS missing, deleted AS extra, failed FROM sync_runs \
         WHERE tenant = nullif(current_setting('postrider.tenant', true), '') AND connector_id = $1 \
           AND kind = 'audit' AND state = 'completed' AND finished_at IS NOT NULL \
         ORDER BY created_at DESC, run_id DESC LIMIT 1")
    .bind(connector)
    .optional(tx)
    .await
}
