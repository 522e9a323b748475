//! Gmail's labels with their names.

use std::collections::HashMap;

use domain::Timestamp;
use google::gmail::{Label, LabelKind};
use storage::types::{Array, Text, Timestamptz, Uuid as SqlUuid};
use storage::{Error, QueryableByName, Tx, sql};

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
    .bind::<Text, _>(guard.tenant.as_str())
    .bind::<SqlUuid, _>(guard.connector.0)
    .bind::<Timestamptz, _>(now)
    .bind::<Array<Text>, _>(ids.clone())
    .bind::<Array<Text>, _>(
        labels.iter().map(|label| domain::text::without_nul(label.name.clone())).collect::<Vec<_>>(),
    )
    .bind::<Array<Text>, _>(labels.iter().map(|label| kind(label.kind)).collect::<Vec<_>>())
    .execute(tx)
    .await?;
    sql("UPDATE labels SET deleted_at = $3, updated_at = $3 \
         WHERE tenant = $1 AND connector_id = $2 AND deleted_at IS NULL AND label_id <> ALL ($4)")
    .bind::<Text, _>(guard.tenant.as_str())
    .bind::<SqlUuid, _>(guard.connector.0)
    .bind::<Timestamptz, _>(now)
    .bind::<Array<Text>, _>(ids)
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
        .bind::<Text, _>(guard.tenant.as_str())
        .bind::<SqlUuid, _>(guard.connector.0)
        .load::<Name>(tx)
        .await?;
    Ok(rows.into_iter().map(|row| (row.label_id, row.name)).collect())
}
