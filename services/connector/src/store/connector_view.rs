//! Connectors as their owner sees them: with their watch and whether they hold a credential, never with a secret.
//! Tenant role.

use postrider_domain::{ConnectorId, Timestamp, UserId};
use postrider_storage::types::{BigInt, Bool, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use postrider_storage::{Error, QueryableByName, Tx, sql};
use uuid::Uuid;

/// One connector with what belongs to it.
#[derive(Debug, Clone, QueryableByName)]
pub struct ConnectorView {
    #[diesel(sql_type = SqlUuid)]
    pub id: Uuid,
    #[diesel(sql_type = Text)]
    pub google_sub: String,
    #[diesel(sql_type = Text)]
    pub display_name: String,
    #[diesel(sql_type = Text)]
    pub email_address: String,
    #[diesel(sql_type = Text)]
    pub status: String,
    #[diesel(sql_type = Text)]
    pub status_reason: String,
    #[diesel(sql_type = Text)]
    pub granted_scopes: String,
    #[diesel(sql_type = Jsonb)]
    pub settings: serde_json::Value,
    #[diesel(sql_type = BigInt)]
    pub version: i64,
    #[diesel(sql_type = Timestamptz)]
    pub created_at: Timestamp,
    #[diesel(sql_type = Timestamptz)]
    pub updated_at: Timestamp,
    #[diesel(sql_type = Bool)]
    pub has_credentials: bool,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub last_notification_at: Option<Timestamp>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    pub watch_id: Option<Uuid>,
    #[diesel(sql_type = Nullable<Text>)]
    pub watch_type: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    pub watch_state: Option<String>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub watch_expires_at: Option<Timestamp>,
}

/// See `select!` in [`super::connectors`] for why this is a macro's work.
macro_rules! view {
    ($end:literal) => {
        concat!(
            "SELECT c.id, c.google_sub, c.display_name, c.email_address, c.status, c.status_reason, c.granted_scopes, \
                c.settings, c.version, c.created_at, c.updated_at, \
                coalesce(s.refresh_sealed IS NOT NULL, false) AS has_credentials, a.last_notification_at, \
                w.id AS watch_id, w.watch_type, w.state AS watch_state, w.expires_at AS watch_expires_at \
             FROM connectors c LEFT JOIN credentials s ON s.connector_id = c.id \
             LEFT JOIN google_accounts a ON a.id = c.account_id LEFT JOIN watches w ON w.connector_id = c.id ",
            $end
        )
    };
}

/// One of the owner's connectors.
pub async fn find(tx: &mut Tx, owner: &UserId, id: ConnectorId) -> Result<Option<ConnectorView>, Error> {
    sql(view!("WHERE c.id = $1 AND c.owner = $2"))
        .bind_as::<SqlUuid, _>(id.0)
        .bind_as::<Text, _>(owner.as_str().to_owned())
        .optional(tx)
        .await
}

/// The owner's connectors, oldest first, after `after`.
pub async fn list(
    tx: &mut Tx,
    owner: &UserId,
    after: Option<ConnectorId>,
    limit: i64,
) -> Result<Vec<ConnectorView>, Error> {
    sql(view!("WHERE c.owner = $1 AND c.id > $2 ORDER BY c.id LIMIT $3"))
        .bind_as::<Text, _>(owner.as_str().to_owned())
        .bind_as::<SqlUuid, _>(after.map_or(Uuid::nil(), |id| id.0))
        .bind_as::<BigInt, _>(limit)
        .load(tx)
        .await
}
