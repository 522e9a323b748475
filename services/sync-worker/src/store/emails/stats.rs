//! Counts of mails for `/gmail/stats`.

use postrider_domain::ConnectorId;
use postrider_storage::{Error, TenantTx, Value, row, sql};

row! {
    /// Totals of mailboxes.
    #[derive(Debug)]
    pub struct Totals {
        pub total: i64,
        pub deleted: i64,
        pub parked: i64,
    }

    /// How many live mails carry a label.
    #[derive(Debug)]
    pub struct LabelCount {
        pub label_id: String,
        pub name: String,
        pub n: i64,
    }
}

/// Totals of mailboxes of the entered tenant.
pub async fn totals(tx: &TenantTx, connectors: &[ConnectorId]) -> Result<Totals, Error> {
    sql("SELECT (SELECT count(*) FROM emails WHERE tenant = nullif(current_setting('postrider.tenant', true), '') \
              AND connector_id = ANY ($1) AND NOT is_deleted AND NOT stub) AS total, \
            (SELECT count(*) FROM emails WHERE tenant = nullif(current_setting('postrider.tenant', true), '') \
              AND connector_id = ANY ($1) AND is_deleted AND NOT stub) AS deleted, \
            (SELECT count(*) FROM parked_changes WHERE tenant = nullif(current_setting('postrider.tenant', true), '') \
              AND connector_id = ANY ($1)) AS parked")
    .bind(connectors)
    .get_result(tx)
    .await
}

/// Mails that are not deleted.
pub async fn count_alive(tx: &TenantTx, connectors: &[ConnectorId]) -> Result<i64, Error> {
    let alive = sql("SELECT count(*) AS value FROM emails \
         WHERE tenant = nullif(current_setting('postrider.tenant', true), '') AND connector_id = ANY ($1) \
            AND NOT is_deleted AND NOT stub")
    .bind(connectors)
    .get_result::<Value<i64>>(tx)
    .await?;
    Ok(alive.0)
}

/// Mails that are not deleted and as new as a generation.
pub async fn count_current(tx: &TenantTx, connector: ConnectorId, generation: i32) -> Result<i64, Error> {
    let current = sql("SELECT count(*) AS value FROM emails \
         WHERE tenant = nullif(current_setting('postrider.tenant', true), '') AND connector_id = $1 \
            AND generation = $2 AND NOT is_deleted AND NOT stub")
    .binds((connector, generation))
    .get_result::<Value<i64>>(tx)
    .await?;
    Ok(current.0)
}

/// Mails that are not deleted, by label. Counted from the mails: `email_labels` keeps the rows of deleted ones.
pub async fn count_by_label(tx: &TenantTx, connectors: &[ConnectorId]) -> Result<Vec<LabelCount>, Error> {
    sql("SELECT l.label_id, coalesce(n.name, l.label_id) AS name, count(*) AS n \
         FROM emails e CROSS JOIN LATERAL unnest(e.label_ids) AS l(label_id) \
         LEFT JOIN labels n ON n.tenant = e.tenant AND n.connector_id = e.connector_id AND n.label_id = l.label_id \
         WHERE e.tenant = nullif(current_setting('postrider.tenant', true), '') AND e.connector_id = ANY ($1) \
            AND NOT e.stub AND NOT e.is_deleted \
         GROUP BY 1, 2 ORDER BY 1, 2")
    .bind(connectors)
    .load(tx)
    .await
}
