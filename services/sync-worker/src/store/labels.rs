//! Gmail's labels with their names.

use std::collections::HashMap;

use postrider_domain::{LabelId, Timestamp};
use postrider_gmail::{Label, LabelKind};
use postrider_storage::types::{Array, Text, Timestamptz, Uuid as SqlUuid};
use postrider_storage::{Error, QueryableByName, Tx, sql};
use uuid::Uuid;

use super::mailboxes::Guard;

/// Takes the list as Gmail answered it; labels that are gone from it are marked.
pub async fn replace(tx: &mut Tx, guard: &Guard, labels: &[Label], now: Timestamp) -> Result<(), Error> {
    let ids: Vec<&str> = labels.iter().map(|label| label.id.as_str()).collect();
    sql("INSERT INTO labels AS l (tenant, connector_id, label_id, name, kind, created_at, updated_at) \
         SELECT $1, $2, n.label_id, n.name, n.kind, $3, $3 \
         FROM unnest($4::text[], $5::text[], $6::text[]) AS n(label_id, name, kind) \
         ON CONFLICT (tenant, connector_id, label_id) DO UPDATE SET name = excluded.name, kind = excluded.kind, \
            deleted_at = NULL, updated_at = excluded.updated_at \
         WHERE l.name <> excluded.name OR l.kind <> excluded.kind OR l.deleted_at IS NOT NULL")
    .bind_as::<Text, _>(guard.tenant.as_str())
    .bind_as::<SqlUuid, _>(guard.connector.0)
    .bind_as::<Timestamptz, _>(now)
    .bind_as::<Array<Text>, _>(ids.clone())
    .bind_as::<Array<Text>, _>(
        labels.iter().map(|label| postrider_domain::text::without_nul(label.name.clone())).collect::<Vec<_>>(),
    )
    .bind_as::<Array<Text>, _>(labels.iter().map(|label| kind(label.kind)).collect::<Vec<_>>())
    .execute(tx)
    .await?;
    sql("UPDATE labels SET deleted_at = $3, updated_at = $3 \
         WHERE tenant = $1 AND connector_id = $2 AND deleted_at IS NULL AND label_id <> ALL ($4)")
    .bind_as::<Text, _>(guard.tenant.as_str())
    .bind_as::<SqlUuid, _>(guard.connector.0)
    .bind_as::<Timestamptz, _>(now)
    .bind_as::<Array<Text>, _>(ids)
    .execute(tx)
    .await?;
    Ok(())
}

fn kind(kind: LabelKind) -> &'static str {
    match kind {
        LabelKind::System => "system",
        LabelKind::User => "user",
    }
}

/// Names by label id.
pub async fn names(tx: &Tx, guard: &Guard) -> Result<HashMap<String, String>, Error> {
    #[derive(QueryableByName)]
    struct Name {
        #[diesel(sql_type = Text)]
        label_id: String,
        #[diesel(sql_type = Text)]
        name: String,
    }
    let rows = sql("SELECT label_id, name FROM labels WHERE tenant = $1 AND connector_id = $2")
        .bind_as::<Text, _>(guard.tenant.as_str())
        .bind_as::<SqlUuid, _>(guard.connector.0)
        .load::<Name>(tx)
        .await?;
    Ok(rows.into_iter().map(|row| (row.label_id, row.name)).collect())
}

/// Names of labels of several mailboxes: the same id is another label in each.
#[derive(Debug, Default)]
pub struct LabelNames(HashMap<(Uuid, String), String>);

impl LabelNames {
    /// The folder a mail with these labels is shown in.
    pub fn folder(&self, connector: Uuid, label_ids: &[String]) -> String {
        let labels: Vec<LabelId> = super::label_ids(label_ids.to_vec());
        postrider_domain::labels::folder(&labels, |id| self.0.get(&(connector, id.to_owned())).cloned())
    }
}

/// Names of some labels of mailboxes of the entered tenant.
pub async fn names_of(tx: &Tx, connectors: Vec<Uuid>, label_ids: Vec<String>) -> Result<LabelNames, Error> {
    #[derive(QueryableByName)]
    struct Named {
        #[diesel(sql_type = SqlUuid)]
        connector_id: Uuid,
        #[diesel(sql_type = Text)]
        label_id: String,
        #[diesel(sql_type = Text)]
        name: String,
    }
    let rows = sql("SELECT connector_id, label_id, name FROM labels \
         WHERE tenant = nullif(current_setting('postrider.tenant', true), '') AND connector_id = ANY ($1) \
           AND label_id = ANY ($2)")
    .bind_as::<Array<SqlUuid>, _>(connectors)
    .bind_as::<Array<Text>, _>(label_ids)
    .load::<Named>(tx)
    .await?;
    Ok(LabelNames(rows.into_iter().map(|row| ((row.connector_id, row.label_id), row.name)).collect()))
}
