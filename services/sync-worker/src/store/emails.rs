//! What the mirror knows of messages: versions, labels, flags. Content is written in `email_writes`.

use postrider_domain::{ConnectorId, EmailId, HistoryId, MessageId, TenantId, Timestamp, Version};
use postrider_storage::types::{Array, BigInt, Bool, Integer, Text, Timestamptz, Uuid as SqlUuid};
use postrider_storage::{Error, QueryableByName, Tx, sql};
use uuid::Uuid;

use crate::rules::decide::Known;

#[derive(QueryableByName)]
struct KnownRow {
    #[diesel(sql_type = SqlUuid)]
    email_id: Uuid,
    #[diesel(sql_type = Text)]
    message_id: String,
    #[diesel(sql_type = Integer)]
    generation: i32,
    #[diesel(sql_type = BigInt)]
    history_id: i64,
    #[diesel(sql_type = Bool)]
    stub: bool,
    #[diesel(sql_type = Bool)]
    is_deleted: bool,
    #[diesel(sql_type = Array<Text>)]
    label_ids: Vec<String>,
    #[diesel(sql_type = Timestamptz)]
    received_at: Timestamp,
    #[diesel(sql_type = Bool)]
    announced: bool,
}

impl TryFrom<KnownRow> for Known {
    type Error = Error;

    fn try_from(row: KnownRow) -> Result<Self, Error> {
        Ok(Self {
            email_id: EmailId(row.email_id),
            message_id: super::message_id(row.message_id)?,
            version: Version::new(row.generation, HistoryId::from_i64(row.history_id)),
            stub: row.stub,
            is_deleted: row.is_deleted,
            labels: super::label_ids(row.label_ids),
            received_at: row.received_at,
            announced: row.announced,
        })
    }
}

/// What is known of the given messages. Take the mailbox's lock first where the answer must stay true.
pub async fn list_known(
    tx: &Tx,
    tenant: &TenantId,
    connector: ConnectorId,
    messages: &[MessageId],
) -> Result<Vec<Known>, Error> {
    if messages.is_empty() {
        return Ok(Vec::new());
    }
    sql("SELECT e.* FROM unnest($3::text[]) AS n(message_id) CROSS JOIN LATERAL ( \
           SELECT email_id, message_id, generation, history_id, stub, is_deleted, label_ids, received_at, \
             announced_at IS NOT NULL AS announced \
           FROM emails WHERE tenant = $1 AND connector_id = $2 AND message_id = n.message_id LIMIT 1) e")
    .bind_as::<Text, _>(tenant.as_str())
    .bind_as::<SqlUuid, _>(connector.0)
    .bind_as::<Array<Text>, _>(messages.iter().map(MessageId::as_str).collect::<Vec<_>>())
    .load::<KnownRow>(tx)
    .await?
    .into_iter()
    .map(Known::try_from)
    .collect()
}

/// Mails that look deleted after a complete listing: not listed, not newer than the run, stored before it began.
pub async fn list_unlisted(
    tx: &mut Tx,
    run: &super::runs::Run,
    after: &str,
    limit: usize,
) -> Result<Vec<Known>, Error> {
    sql("SELECT e.email_id, e.message_id, e.generation, e.history_id, e.stub, e.is_deleted, e.label_ids, \
           e.received_at, e.announced_at IS NOT NULL AS announced \
         FROM emails e WHERE e.tenant = $1 AND e.connector_id = $2 AND NOT e.is_deleted AND e.message_id > $6 \
           AND (e.generation < $4 OR (e.generation = $4 AND e.history_id <= $5)) AND e.created_at <= $8 \
           AND NOT EXISTS (SELECT 1 FROM sync_listing l \
             WHERE l.tenant = $1 AND l.run_id = $3 AND l.message_id = e.message_id) \
         ORDER BY e.message_id LIMIT $7")
    .bind_as::<Text, _>(run.tenant.as_str())
    .bind_as::<SqlUuid, _>(run.connector.0)
    .bind_as::<SqlUuid, _>(run.id.0)
    .bind_as::<Integer, _>(run.generation)
    .bind_as::<BigInt, _>(run.boundary.as_i64())
    .bind_as::<Text, _>(after)
    .bind_as::<BigInt, _>(super::count(limit))
    .bind_as::<Timestamptz, _>(run.started_at)
    .load::<KnownRow>(tx)
    .await?
    .into_iter()
    .map(Known::try_from)
    .collect()
}

#[derive(QueryableByName)]
struct Counts {
    #[diesel(sql_type = BigInt)]
    alive: i64,
    #[diesel(sql_type = BigInt)]
    unlisted: i64,
}

/// (mails in the mirror, those of them that look deleted).
pub async fn count_unlisted(tx: &mut Tx, run: &super::runs::Run) -> Result<(i64, i64), Error> {
    let counts = sql("SELECT count(*) AS alive, count(*) FILTER (WHERE l.message_id IS NULL \
             AND (e.generation < $4 OR (e.generation = $4 AND e.history_id <= $5)) AND e.created_at <= $6) AS unlisted \
         FROM emails e LEFT JOIN sync_listing l \
           ON l.tenant = $1 AND l.run_id = $3 AND l.message_id = e.message_id \
         WHERE e.tenant = $1 AND e.connector_id = $2 AND NOT e.is_deleted")
    .bind_as::<Text, _>(run.tenant.as_str())
    .bind_as::<SqlUuid, _>(run.connector.0)
    .bind_as::<SqlUuid, _>(run.id.0)
    .bind_as::<Integer, _>(run.generation)
    .bind_as::<BigInt, _>(run.boundary.as_i64())
    .bind_as::<Timestamptz, _>(run.started_at)
    .get_result::<Counts>(tx)
    .await?;
    Ok((counts.alive, counts.unlisted))
}

/// Remembers that a live mail was announced. Answers those that had not been.
pub async fn mark_announced(
    tx: &mut Tx,
    tenant: &TenantId,
    emails: &[EmailId],
    now: Timestamp,
) -> Result<Vec<EmailId>, Error> {
    #[derive(QueryableByName)]
    struct Marked {
        #[diesel(sql_type = SqlUuid)]
        email_id: Uuid,
    }
    let marked = sql("UPDATE emails SET announced_at = $3 \
         WHERE tenant = $1 AND email_id = ANY ($2) AND announced_at IS NULL RETURNING email_id")
    .bind_as::<Text, _>(tenant.as_str())
    .bind_as::<Array<SqlUuid>, _>(emails.iter().map(|id| id.0).collect::<Vec<_>>())
    .bind_as::<Timestamptz, _>(now)
    .load::<Marked>(tx)
    .await?;
    Ok(marked.into_iter().map(|row| EmailId(row.email_id)).collect())
}
