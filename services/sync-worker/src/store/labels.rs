//! `labels`: Gmail's labels with their names.

use std::collections::HashMap;

use postrider_contracts::mailbox::Label as LabelMessage;
use postrider_domain::{ConnectorId, LabelId, Timestamp};
use postrider_gmail::{Label, LabelKind};
use postrider_storage::{Error, TenantTx, row, sql};

use super::mailboxes::Guard;

row! {
    /// The name of a label in one mailbox.
    struct Name {
        connector_id: ConnectorId,
        label_id: LabelId,
        name: String,
    }
}

/// Takes the list as Gmail answered it; labels that are gone from it are marked.
pub async fn replace(tx: &mut TenantTx, guard: &Guard, labels: &[Label], now: Timestamp) -> Result<(), Error> {
    let name = |label: &Label| postrider_domain::text::without_nul(label.name.clone());
    let kind = |label: &Label| match label.kind {
        LabelKind::System => "system",
        LabelKind::User => "user",
    };
    sql("INSERT INTO labels AS l (tenant, connector_id, label_id, name, kind, created_at, updated_at) \
         SELECT $1, $2, n.label_id, n.name, n.kind, $3, $3 FROM {n: label_id text, name text, kind text} \
         ON CONFLICT (tenant, connector_id, label_id) DO UPDATE SET name = excluded.name, kind = excluded.kind, \
            deleted_at = NULL, updated_at = excluded.updated_at \
         WHERE l.name <> excluded.name OR l.kind <> excluded.kind OR l.deleted_at IS NOT NULL")
    .binds((&guard.tenant, guard.connector, now))
    .column("label_id", labels.iter().map(|label| &label.id))
    .column("name", labels.iter().map(name))
    .column("kind", labels.iter().map(kind))
    .execute(tx)
    .await?;
    let ids: Vec<&LabelId> = labels.iter().map(|label| &label.id).collect();
    sql("UPDATE labels SET deleted_at = $3, updated_at = $3 \
         WHERE tenant = $1 AND connector_id = $2 AND deleted_at IS NULL AND label_id <> ALL ($4)")
    .binds((&guard.tenant, guard.connector, now, ids))
    .execute(tx)
    .await?;
    Ok(())
}

/// Names by label id.
pub async fn names(tx: &TenantTx, guard: &Guard) -> Result<HashMap<String, String>, Error> {
    let names: Vec<Name> =
        sql("SELECT connector_id, label_id, name FROM labels WHERE tenant = $1 AND connector_id = $2")
            .binds((&guard.tenant, guard.connector))
            .load(tx)
            .await?;
    Ok(names.into_iter().map(|row| (row.label_id.into_string(), row.name)).collect())
}

/// Label ids with the names they have, for events.
pub fn named<'a>(ids: impl IntoIterator<Item = &'a str>, names: &HashMap<String, String>) -> Vec<LabelMessage> {
    ids.into_iter()
        .map(|id| LabelMessage { id: id.to_owned(), name: names.get(id).cloned().unwrap_or_else(|| id.to_owned()) })
        .collect()
}

/// Names of labels of several mailboxes: the same id is another label in each.
#[derive(Debug, Default)]
pub struct LabelNames(HashMap<(ConnectorId, String), String>);

impl LabelNames {
    /// The folder a mail with these labels is shown in.
    pub fn folder(&self, connector: ConnectorId, labels: &[LabelId]) -> String {
        postrider_domain::labels::folder(labels, |id| self.0.get(&(connector, id.to_owned())).cloned())
    }
}

/// Names of some labels of mailboxes of the entered tenant.
pub async fn names_of(tx: &TenantTx, connectors: &[ConnectorId], labels: &[&LabelId]) -> Result<LabelNames, Error> {
    let names: Vec<Name> = sql("SELECT connector_id, label_id, name FROM labels \
         WHERE tenant = nullif(current_setting('postrider.tenant', true), '') AND connector_id = ANY ($1) \
           AND label_id = ANY ($2)")
    .binds((connectors, labels))
    .load(tx)
    .await?;
    let key = |row: Name| ((row.connector_id, row.label_id.into_string()), row.name);
    Ok(LabelNames(names.into_iter().map(key).collect()))
}
