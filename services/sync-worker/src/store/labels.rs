//! `labels`: Gmail's labels with their names.

use std::collections::HashMap;

use chrono::TimeDelta;
use postrider_contracts::mailbox::Label as LabelMessage;
use postrider_domain::{ConnectorId, LabelId, Timestamp};
use postrider_gmail::{Label, LabelKind};
use postrider_storage::{Error, TenantTx, Value, row, sql};

use super::mailboxes::Guard;

/// Two audits come within it.
const COMPARED_AFTER_DELETION: TimeDelta = TimeDelta::days(2);

row! {
    /// The name of a label in one mailbox.
    struct Name {
        connector_id: ConnectorId,
        label_id: LabelId,
        name: String,
    }
}

row! {
    /// A label as the API shows it.
    #[derive(Debug)]
    pub struct Shown {
        pub connector_id: ConnectorId,
        pub label_id: LabelId,
        pub name: String,
        pub kind: String,
        pub text_color: Option<String>,
        pub background_color: Option<String>,
        pub emails: i64,
        pub unread: i64,
    }
}

/// Labels that Gmail lists, with how many mails carry them: counted from what is alive, as Gmail counts.
pub async fn list(tx: &TenantTx, connectors: &[ConnectorId]) -> Result<Vec<Shown>, Error> {
    sql("WITH counted AS ( \
           SELECT e.connector_id, l.label_id, count(*) AS emails, count(*) FILTER (WHERE e.unread) AS unread \
           FROM emails e CROSS JOIN LATERAL unnest(e.label_ids) AS l (label_id) \
           WHERE e.tenant = nullif(current_setting('postrider.tenant', true), '') AND e.connector_id = ANY ($1) \
             AND NOT e.stub AND NOT e.is_deleted GROUP BY 1, 2) \
         SELECT l.connector_id, l.label_id, l.name, l.kind, l.text_color, l.background_color, \
            coalesce(c.emails, 0) AS emails, coalesce(c.unread, 0) AS unread \
         FROM labels l LEFT JOIN counted c ON c.connector_id = l.connector_id AND c.label_id = l.label_id \
         WHERE l.tenant = nullif(current_setting('postrider.tenant', true), '') AND l.connector_id = ANY ($1) \
           AND l.deleted_at IS NULL ORDER BY l.connector_id, l.kind, l.name, l.label_id")
    .bind(connectors)
    .load(tx)
    .await
}

/// Takes the list as Gmail answered it; labels that are gone from it are marked.
pub async fn replace(tx: &mut TenantTx, guard: &Guard, labels: &[Label], now: Timestamp) -> Result<(), Error> {
    let name = |label: &Label| postrider_domain::text::without_nul(label.name.clone());
    let kind = |label: &Label| match label.kind {
        LabelKind::System => "system",
        LabelKind::User => "user",
    };
    let color = |label: &Label| label.color.clone();
    sql("INSERT INTO labels AS l (tenant, connector_id, label_id, name, kind, text_color, background_color, created_at, \
            updated_at) \
         SELECT $1, $2, n.label_id, n.name, n.kind, n.text_color, n.background_color, $3, $3 \
         FROM {n: label_id text, name text, kind text, text_color text, background_color text} \
         ON CONFLICT (tenant, connector_id, label_id) DO UPDATE SET name = excluded.name, kind = excluded.kind, \
            text_color = excluded.text_color, background_color = excluded.background_color, deleted_at = NULL, \
            updated_at = excluded.updated_at \
         WHERE (l.name, l.kind, l.text_color, l.background_color) IS DISTINCT FROM \
             (excluded.name, excluded.kind, excluded.text_color, excluded.background_color) OR l.deleted_at IS NOT NULL")
    .binds((&guard.tenant, guard.connector, now))
    .column("label_id", labels.iter().map(|label| &label.id))
    .column("name", labels.iter().map(name))
    .column("kind", labels.iter().map(kind))
    .column("text_color", labels.iter().map(|label| color(label).map(|color| color.text)))
    .column("background_color", labels.iter().map(|label| color(label).map(|color| color.background)))
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

/// Labels whose mails are compared with listings: those that Gmail lists, and those it left out not long before `now`, so
/// that mails that still carry them here lose them.
pub async fn list_compared(tx: &TenantTx, guard: &Guard, now: Timestamp) -> Result<Vec<LabelId>, Error> {
    let labels = sql("SELECT label_id AS value FROM labels WHERE tenant = $1 AND connector_id = $2 \
           AND (deleted_at IS NULL OR deleted_at > $3) ORDER BY deleted_at DESC NULLS LAST, label_id")
    .binds((&guard.tenant, guard.connector, now - COMPARED_AFTER_DELETION))
    .load::<Value<LabelId>>(tx)
    .await?;
    Ok(labels.into_iter().map(|row| row.0).collect())
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

/// All labels of mailboxes of the entered tenant that Gmail lists: account, id, name.
pub async fn list_names(
    tx: &TenantTx,
    connectors: &[ConnectorId],
) -> Result<Vec<(ConnectorId, LabelId, String)>, Error> {
    let names: Vec<Name> = sql("SELECT connector_id, label_id, name FROM labels \
         WHERE tenant = nullif(current_setting('postrider.tenant', true), '') AND connector_id = ANY ($1) \
           AND deleted_at IS NULL")
    .bind(connectors)
    .load(tx)
    .await?;
    Ok(names.into_iter().map(|row| (row.connector_id, row.label_id, row.name)).collect())
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
           AND label_id = ANY ($2) AND deleted_at IS NULL")
    .binds((connectors, labels))
    .load(tx)
    .await?;
    let key = |row: Name| ((row.connector_id, row.label_id.into_string()), row.name);
    Ok(LabelNames(names.into_iter().map(key).collect()))
}
