//! `google_apps`: the OAuth clients accounts consented to. System role.

use postrider_storage::types::{Text, Uuid as SqlUuid};
use postrider_storage::{Error, QueryableByName, Tx, sql};
use uuid::Uuid;

#[derive(QueryableByName)]
struct IdRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
}

/// The id of the OAuth client, made under `new_id` if it is not known yet.
pub async fn ensure(tx: &mut Tx, new_id: Uuid, client_id: &str) -> Result<Uuid, Error> {
    let found = sql("SELECT id FROM google_apps WHERE client_id = $1")
        .bind_as::<Text, _>(client_id)
        .optional::<IdRow>(tx)
        .await?;
    if let Some(row) = found {
        return Ok(row.id);
    }
    sql("INSERT INTO google_apps (id, client_id) VALUES ($1, $2) ON CONFLICT (client_id) DO NOTHING")
        .bind_as::<SqlUuid, _>(new_id)
        .bind_as::<Text, _>(client_id)
        .execute(tx)
        .await?;
    let row = sql("SELECT id FROM google_apps WHERE client_id = $1")
        .bind_as::<Text, _>(client_id)
        .get_result::<IdRow>(tx)
        .await?;
    Ok(row.id)
}
