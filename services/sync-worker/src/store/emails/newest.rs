//! The newest mails of a mailbox, or of one of its labels, by Gmail's date.

use postrider_domain::LabelId;
use postrider_storage::{Error, TenantTx, sql};

use super::known::known_columns;
use crate::rules::change::Known;
use crate::store::count;
use crate::store::mailboxes::Guard;

/// Those that are there.
pub async fn list_newest(
    tx: &TenantTx,
    guard: &Guard,
    label: Option<&LabelId>,
    limit: usize,
) -> Result<Vec<Known>, Error> {
    let Some(label) = label else {
        return sql(concat!(
            "SELECT ",
            known_columns!(),
            " FROM emails e WHERE e.tenant = $1 AND e.connector_id = $2 AND NOT e.is_deleted \
             ORDER BY e.received_at DESC, e.email_id DESC LIMIT $3"
        ))
        .binds((&guard.tenant, guard.connector, count(limit)))
        .load(tx)
        .await;
    };
    sql(concat!(
        "SELECT ",
        known_columns!(),
        " FROM email_labels l JOIN emails e ON e.tenant = l.tenant AND e.email_id = l.email_id \
         WHERE l.tenant = $1 AND l.connector_id = $2 AND l.label_id = $4 AND NOT e.is_deleted \
         ORDER BY l.received_at DESC, l.email_id DESC LIMIT $3"
    ))
    .binds((&guard.tenant, guard.connector, count(limit), label))
    .load(tx)
    .await
}
