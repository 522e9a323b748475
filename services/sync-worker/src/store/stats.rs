//! Counts over mailboxes for `/gmail/stats`.

use postrider_domain::Timestamp;
use postrider_storage::types::{Array, BigInt, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use postrider_storage::{Error, QueryableByName, Tx, sql};
use uuid::Uuid;

/// Totals of mailboxes.
#[derive(Debug, QueryableByName)]
pub struct Totals {
    #[diesel(sql_type = BigInt)]
    pub total: i64,
    #[diesel(sql_type = BigInt)]
    pub deleted: i64,
    #[diesel(sql_type = BigInt)]
    pub unread: i64,
    #[diesel(sql_type = BigInt)]
    pub parked: i64,
}

/// How many live mails carry a label.
#[derive(Debug, QueryableByName)]
pub struct LabelCount {
    #[diesel(sql_type = Text)]
    pub label_id: String,
    #[diesel(sql_type = Text)]
    pub name: String,
    #[diesel(sql_type = BigInt)]
    pub n: i64,
}

#[derive(QueryableByName)]
struct Oldest {
    #[diesel(sql_type = Nullable<Timestamptz>)]
    at: Option<Timestamp>,
}

#[derive(QueryableByName)]
struct Spent {
    #[diesel(sql_type = BigInt)]
    units: i64,
}

/// Totals of mailboxes of the entered tenant.
pub async fn totals(tx: &Tx, connectors: &[Uuid]) -> Result<Totals, Error> {
    sql("SELECT count(*) FILTER (WHERE NOT is_deleted) AS total, \
            count(*) FILTER (WHERE is_deleted) AS deleted, \
            count(*) FILTER (WHERE unread AND NOT is_deleted) AS unread, \
            (SELECT count(*) FROM parked_changes p WHERE p.tenant = nullif(current_setting('postrider.tenant', true), '') \
                AND p.connector_id = ANY ($1)) AS parked \
         FROM emails WHERE tenant = nullif(current_setting('postrider.tenant', true), '') \
            AND connector_id = ANY ($1) AND NOT stub")
    .bind_as::<Array<SqlUuid>, _>(connectors.to_vec())
    .get_result(tx)
    .await
}

/// Mails that are not deleted, by label. Counted from the mails: `email_labels` keeps the rows of deleted ones.
pub async fn by_label(tx: &Tx, connectors: &[Uuid]) -> Result<Vec<LabelCount>, Error> {
    sql("SELECT l.label_id, coalesce(n.name, l.label_id) AS name, count(*) AS n \
         FROM emails e CROSS JOIN LATERAL unnest(e.label_ids) AS l(label_id) \
         LEFT JOIN labels n ON n.tenant = e.tenant AND n.connector_id = e.connector_id AND n.label_id = l.label_id \
         WHERE e.tenant = nullif(current_setting('postrider.tenant', true), '') AND e.connector_id = ANY ($1) \
            AND NOT e.stub AND NOT e.is_deleted \
         GROUP BY 1, 2 ORDER BY 1, 2")
    .bind_as::<Array<SqlUuid>, _>(connectors.to_vec())
    .load(tx)
    .await
}

/// When the oldest push that is not yet in the mirror was taken.
pub async fn oldest_open_push(tx: &Tx, connectors: &[Uuid]) -> Result<Option<Timestamp>, Error> {
    let oldest = sql("SELECT min(created_at) AS at FROM notification_queue \
         WHERE tenant = nullif(current_setting('postrider.tenant', true), '') AND connector_id = ANY ($1) \
            AND status IN ('pending', 'processing')")
    .bind_as::<Array<SqlUuid>, _>(connectors.to_vec())
    .get_result::<Oldest>(tx)
    .await?;
    Ok(oldest.at)
}

/// Quota that Google accounts spent in a minute that began after `since`. Needs the system role: the budget belongs to
/// the Google account, not to a tenant.
pub async fn quota(tx: &Tx, google_subs: impl IntoIterator<Item = &str>, since: Timestamp) -> Result<i64, Error> {
    let keys: Vec<String> = google_subs.into_iter().map(|sub| format!("user:{sub}")).collect();
    let spent = sql("SELECT coalesce(sum(spent_in_minute), 0)::bigint AS units FROM quota_buckets \
         WHERE key = ANY ($1) AND minute > $2")
    .bind_as::<Array<Text>, _>(keys)
    .bind_as::<Timestamptz, _>(since)
    .get_result::<Spent>(tx)
    .await?;
    Ok(spent.units)
}
