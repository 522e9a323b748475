//! Counts over a mailbox for `/gmail/stats`.

use domain::Timestamp;
use storage::types::{BigInt, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use storage::{Error, QueryableByName, Tx, sql};
use uuid::Uuid;

/// Totals of one mailbox.
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

/// What Google's quota meter of an account shows.
#[derive(Debug, QueryableByName)]
pub struct QuotaRow {
    #[diesel(sql_type = Timestamptz)]
    pub minute: Timestamp,
    #[diesel(sql_type = BigInt)]
    pub spent_in_minute: i64,
}

#[derive(QueryableByName)]
struct Oldest {
    #[diesel(sql_type = Nullable<Timestamptz>)]
    at: Option<Timestamp>,
}

/// Totals of one mailbox of the entered tenant.
pub async fn totals(tx: &mut Tx, connector_id: Uuid) -> Result<Totals, Error> {
    sql("SELECT count(*) FILTER (WHERE NOT is_deleted) AS total, \
            count(*) FILTER (WHERE is_deleted) AS deleted, \
            count(*) FILTER (WHERE unread AND NOT is_deleted) AS unread, \
            (SELECT count(*) FROM parked_changes p WHERE p.tenant = nullif(current_setting('postrider.tenant', true), '') \
                AND p.connector_id = $1) AS parked \
         FROM emails WHERE tenant = nullif(current_setting('postrider.tenant', true), '') \
            AND connector_id = $1 AND NOT stub")
    .bind::<SqlUuid, _>(connector_id)
    .get_result(tx)
    .await
}

/// Mails by label.
pub async fn by_label(tx: &mut Tx, connector_id: Uuid) -> Result<Vec<LabelCount>, Error> {
    sql("SELECT l.label_id, coalesce(n.name, l.label_id) AS name, count(*) AS n \
         FROM email_labels l \
         LEFT JOIN labels n ON n.tenant = l.tenant AND n.connector_id = l.connector_id AND n.label_id = l.label_id \
         WHERE l.tenant = nullif(current_setting('postrider.tenant', true), '') AND l.connector_id = $1 \
         GROUP BY 1, 2 ORDER BY 1")
    .bind::<SqlUuid, _>(connector_id)
    .load(tx)
    .await
}

/// When the oldest push that is not yet in the mirror was taken.
pub async fn oldest_open_push(tx: &mut Tx, connector_id: Uuid) -> Result<Option<Timestamp>, Error> {
    let oldest = sql("SELECT min(created_at) AS at FROM notification_queue \
         WHERE tenant = nullif(current_setting('postrider.tenant', true), '') AND connector_id = $1 \
            AND status IN ('pending', 'processing')")
    .bind::<SqlUuid, _>(connector_id)
    .get_result::<Oldest>(tx)
    .await?;
    Ok(oldest.at)
}

/// Quota spent by an account. Needs the system role: the budget belongs to the Google account, not to a tenant.
pub async fn quota(tx: &mut Tx, google_sub: &str) -> Result<Option<QuotaRow>, Error> {
    sql("SELECT minute, spent_in_minute FROM quota_buckets WHERE key = $1")
        .bind::<Text, _>(format!("user:{google_sub}"))
        .optional(tx)
        .await
}
