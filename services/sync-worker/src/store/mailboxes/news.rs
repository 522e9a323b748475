//! What connector says of an account and its watch. Only what is newer than the row is taken.

use postrider_contracts::connector::{ConnectorState, WatchState};
use postrider_domain::{AccountStatus, ConnectorId, EmailAddress, TenantId, Timestamp, UserId, WatchType};
use postrider_storage::{Error, TenantTx, Value, sql};
use serde_json::json;
use uuid::Uuid;

use crate::content::reading::Versions;

/// An account as connector has it.
#[derive(Debug, Clone)]
pub struct AccountNews {
    pub tenant: TenantId,
    pub connector: ConnectorId,
    pub owner: UserId,
    pub status: AccountStatus,
    /// The rest, as it was said.
    pub state: ConnectorState,
}

/// Takes what connector says, if it is newer; where that is the account's end, whoever works on it is fenced off. Returns
/// whether it was.
pub async fn apply_account(tx: &mut TenantTx, news: &AccountNews, now: Timestamp) -> Result<bool, Error> {
    let state = &news.state;
    let settings = state.settings.clone().unwrap_or_default();
    let key = EmailAddress::parse(&state.email_address)
        .map_or_else(|_odd| state.email_address.to_lowercase(), |address| address.lookup_key());
    let json = json!({
        "label_ids": settings.label_ids,
        "label_filter_action": settings.label_filter_action,
        "attachments": settings.attachments,
        "attachment_max_bytes": settings.attachment_max_bytes,
        "include_spam_trash": settings.include_spam_trash,
        "sync_since_ms": settings.sync_since_ms,
    });
    let poll_interval = i32::try_from(settings.poll_interval_seconds).unwrap_or(i32::MAX);
    let changed =
        sql("INSERT INTO mailboxes AS m (connector_id, tenant, owner, connector_version, google_sub, address, \
            address_key, display_name, status, status_reason, erase, settings, poll_interval_seconds, due_at, \
            due_reason, created_at, updated_at, read_version, reread_to) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, \
            CASE WHEN $9 = 'active' THEN $14::timestamptz END, 'connected', $14, $14, $15, $15) \
         ON CONFLICT (connector_id) DO UPDATE SET owner = excluded.owner, \
            connector_version = excluded.connector_version, google_sub = coalesce(nullif(excluded.google_sub, ''), m.google_sub), \
            address = excluded.address, address_key = excluded.address_key, display_name = excluded.display_name, \
            status = excluded.status, status_reason = excluded.status_reason, erase = m.erase OR excluded.erase, \
            settings = excluded.settings, poll_interval_seconds = excluded.poll_interval_seconds, \
            requested = m.requested + 1, \
            epoch = m.epoch + CASE WHEN excluded.status = 'disconnected' THEN 1 ELSE 0 END, \
            lease_owner = CASE WHEN excluded.status <> 'disconnected' THEN m.lease_owner END, \
            lease_until = CASE WHEN excluded.status <> 'disconnected' THEN m.lease_until END, \
            due_at = CASE WHEN excluded.status = 'active' THEN least(m.due_at, excluded.due_at) END, \
            due_reason = excluded.due_reason, \
            not_before = CASE WHEN m.status = 'reauth_required' THEN NULL ELSE m.not_before END, \
            updated_at = excluded.updated_at \
         WHERE m.connector_version < excluded.connector_version")
        .binds((news.connector, &news.tenant, &news.owner, state.version, &state.google_sub, &state.email_address))
        .binds((key, &state.display_name, news.status, &state.reason, state.erase, json, poll_interval, now))
        .bind(Versions::CURRENT.as_one())
        .execute(tx)
        .await?;
    Ok(changed > 0)
}

/// What became of news of a watch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WatchNews {
    Taken,
    /// The row knows newer ones.
    Older,
    /// Its mailbox is not known yet: `connected` comes before on the same stream, so it is on its way.
    NoMailbox,
}

/// Takes what connector says about its watch, if it is newer.
pub async fn apply_watch(
    tx: &mut TenantTx,
    connector: ConnectorId,
    watch: &WatchState,
    live: bool,
    now: Timestamp,
) -> Result<WatchNews, Error> {
    // A watch whose pushes do not come spares no poll.
    let push = live && !watch.silent && watch.watch_type.parse() == Ok(WatchType::Push);
    let (kind, expires_at) = match push {
        true => (WatchType::Push, Timestamp::from_timestamp_millis(watch.expires_at_ms)),
        false => (WatchType::Polling, None),
    };
    let newer = sql("WITH known AS (SELECT connector_id, watch_version < $4 AS newer FROM mailboxes \
           WHERE connector_id = $1 FOR NO KEY UPDATE), \
         taken AS (UPDATE mailboxes m SET watch_type = $2, watch_expires_at = $3, watch_version = $4, updated_at = $5, \
             watch_id = coalesce($6, m.watch_id) \
           FROM known WHERE m.connector_id = known.connector_id AND known.newer) \
         SELECT newer AS value FROM known")
    .binds((connector, kind, expires_at, watch.version, now, watch.watch_id.parse::<Uuid>().ok()))
    .optional::<Value<bool>>(tx)
    .await?;
    Ok(match newer {
        Some(Value(true)) => WatchNews::Taken,
        Some(Value(false)) => WatchNews::Older,
        None => WatchNews::NoMailbox,
    })
}
