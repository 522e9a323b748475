//! Notifications as mails tell them.

use postrider_domain::{ConnectorId, NotificationId, TenantId, Timestamp};
use postrider_storage::{Error, TenantTx, Value, sql};
use uuid::Uuid;

use crate::rules::Kind;
use crate::rules::page::Told;

postrider_storage::row! {
    /// One of them.
    #[derive(Debug, Clone, PartialEq)]
    pub struct MailItem {
        pub account_id: Option<ConnectorId>,
        pub kind: Kind,
        pub title: String,
        pub message: String,
        pub snippet: String,
        pub created_at: Timestamp,
    }
}

impl MailItem {
    /// What of it is told; its content only where its account lets it out.
    pub fn told(&self, content: bool) -> Told<'_> {
        let Self { kind, title, message, snippet, created_at, .. } = self;
        Told { kind: *kind, title, message, snippet, at: *created_at, content }
    }
}

/// These, newest first.
pub async fn for_mail(tx: &TenantTx, tenant: &TenantId, ids: &[NotificationId]) -> Result<Vec<MailItem>, Error> {
    sql("SELECT account_id, type AS kind, title, message, coalesce(data->>'snippet', '') AS snippet, created_at \
         FROM notifications WHERE tenant = $1 AND id = ANY($2) ORDER BY created_nseq DESC")
    .binds((tenant, ids))
    .load(tx)
    .await
}

/// What a digest took and is still there, newest first; and how many that are.
pub async fn of_digest(
    tx: &TenantTx,
    tenant: &TenantId,
    digest: Uuid,
    limit: i64,
) -> Result<(Vec<MailItem>, usize), Error> {
    let items =
        sql("SELECT account_id, type AS kind, title, message, coalesce(data->>'snippet', '') AS snippet, created_at \
         FROM notifications WHERE tenant = $1 AND digest_id = $2 ORDER BY created_nseq DESC LIMIT $3")
        .binds((tenant, digest, limit))
        .load(tx)
        .await?;
    let Value(count) = sql("SELECT count(*) AS value FROM notifications WHERE tenant = $1 AND digest_id = $2")
        .binds((tenant, digest))
        .get_result::<Value<i64>>(tx)
        .await?;
    Ok((items, usize::try_from(count).unwrap_or(usize::MAX)))
}
