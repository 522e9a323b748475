//! What the engine asks of mails before it decides: versions, labels, whether they were announced.

use postrider_domain::{ConnectorId, HistoryId, MessageId, TenantId, Version};
use postrider_storage::types::{Array, BigInt, Bool, Integer, Text, Timestamptz, Uuid};
use postrider_storage::{Error, NamedRow, Pg, QueryableByName, RowResult, TenantTx, sql};

use crate::rules::change::Known;

/// Columns of [`Known`].
macro_rules! known_columns {
    () => {
        "e.email_id, e.message_id, e.generation, e.history_id, e.fetched_id, e.stub, e.is_deleted, e.label_ids, e.received_at, \
         e.announced_at IS NOT NULL AS announced"
    };
}
pub(super) use known_columns;

impl QueryableByName<Pg> for Known {
    fn build<'a>(row: &impl NamedRow<'a, Pg>) -> RowResult<Self> {
        let history_id: HistoryId = NamedRow::get::<BigInt, _>(row, "history_id")?;
        Ok(Self {
            email_id: NamedRow::get::<Uuid, _>(row, "email_id")?,
            message_id: NamedRow::get::<Text, _>(row, "message_id")?,
            version: Version::new(NamedRow::get::<Integer, _>(row, "generation")?, history_id),
            fetched: NamedRow::get::<BigInt, _>(row, "fetched_id")?,
            stub: NamedRow::get::<Bool, _>(row, "stub")?,
            is_deleted: NamedRow::get::<Bool, _>(row, "is_deleted")?,
            labels: NamedRow::get::<Array<Text>, _>(row, "label_ids")?,
            received_at: NamedRow::get::<Timestamptz, _>(row, "received_at")?,
            announced: NamedRow::get::<Bool, _>(row, "announced")?,
        })
    }
}

/// What is known of the given messages. Take the mailbox's lock first where the answer must stay true.
pub async fn list_known(
    tx: &TenantTx,
    tenant: &TenantId,
    connector: ConnectorId,
    messages: &[MessageId],
) -> Result<Vec<Known>, Error> {
    if messages.is_empty() {
        return Ok(Vec::new());
    }
    sql(concat!(
        "SELECT known.* FROM {n: message_id text} CROSS JOIN LATERAL (SELECT ",
        known_columns!(),
        " FROM emails e WHERE e.tenant = $1 AND e.connector_id = $2 AND e.message_id = n.message_id LIMIT 1) known"
    ))
    .binds((tenant, connector))
    .column("message_id", messages)
    .load(tx)
    .await
}
