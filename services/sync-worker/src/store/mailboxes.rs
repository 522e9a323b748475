//! The mailbox row: what connector said, and the engine's state. The lock on it serialises the two lanes.

use postrider_contracts::connector::{ConnectorState, WatchState};
use postrider_domain::{ConnectorId, EmailAddress, HistoryId, TenantId, Timestamp};
use postrider_storage::types::{BigInt, Bool, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use postrider_storage::{Error, Tx, sql};

pub use super::mailbox_row::{Guard, Mailbox};
pub(super) use super::mailbox_row::{Row, mailbox_columns};

/// The mailbox, if the lease still has this epoch.
pub async fn find_held(tx: &mut Tx, guard: &Guard) -> Result<Option<Mailbox>, Error> {
    sql(concat!("SELECT ", mailbox_columns!(), " FROM mailboxes m WHERE m.connector_id = $1 AND m.epoch = $2"))
        .bind_as::<SqlUuid, _>(guard.connector.0)
        .bind_as::<BigInt, _>(guard.epoch)
        .optional::<Row>(tx)
        .await?
        .map(Mailbox::try_from)
        .transpose()
}

/// Locks the mailbox row if epoch and generation are still the holder's; `None` means fenced or broken off.
pub async fn lock(tx: &mut Tx, guard: &Guard) -> Result<Option<Mailbox>, Error> {
    sql(concat!(
        "SELECT ",
        mailbox_columns!(),
        " FROM mailboxes m WHERE m.connector_id = $1 AND m.epoch = $2 AND m.generation = $3 FOR NO KEY UPDATE"
    ))
    .bind_as::<SqlUuid, _>(guard.connector.0)
    .bind_as::<BigInt, _>(guard.epoch)
    .bind_as::<Integer, _>(guard.generation)
    .optional::<Row>(tx)
    .await?
    .map(Mailbox::try_from)
    .transpose()
}

/// Moves the cursor forward; it never goes back inside a generation.
pub async fn advance(tx: &Tx, guard: &Guard, cursor: HistoryId, now: Timestamp) -> Result<(), Error> {
    sql("UPDATE mailboxes SET cursor = greatest(cursor, $2), updated_at = $3 WHERE connector_id = $1")
        .bind_as::<SqlUuid, _>(guard.connector.0)
        .bind_as::<BigInt, _>(cursor.as_i64())
        .bind_as::<Timestamptz, _>(now)
        .execute(tx)
        .await?;
    Ok(())
}

/// The live lane reached the end of the history: `began` is when it started to look.
pub async fn caught_up(tx: &Tx, guard: &Guard, cursor: HistoryId, began: Timestamp) -> Result<(), Error> {
    sql("UPDATE mailboxes SET cursor = greatest(cursor, $2), caught_up_at = $3, last_synced_at = $3, attempts = 0, \
           last_error = NULL, not_before = NULL, updated_at = $3 WHERE connector_id = $1")
    .bind_as::<SqlUuid, _>(guard.connector.0)
    .bind_as::<BigInt, _>(cursor.as_i64())
    .bind_as::<Timestamptz, _>(began)
    .execute(tx)
    .await?;
    Ok(())
}

/// Starts history over at `boundary`, in the given generation.
pub async fn start_over(
    tx: &mut Tx,
    guard: &Guard,
    generation: i32,
    boundary: HistoryId,
    now: Timestamp,
) -> Result<(), Error> {
    sql(
        "UPDATE mailboxes SET generation = $2, cursor = $3, caught_up_at = $4, updated_at = $4 WHERE connector_id = $1",
    )
    .bind_as::<SqlUuid, _>(guard.connector.0)
    .bind_as::<Integer, _>(generation)
    .bind_as::<BigInt, _>(boundary.as_i64())
    .bind_as::<Timestamptz, _>(now)
    .execute(tx)
    .await?;
    Ok(())
}

/// A full run came to its end.
pub async fn first_synced(tx: &mut Tx, guard: &Guard, now: Timestamp) -> Result<(), Error> {
    sql("UPDATE mailboxes SET first_synced_at = coalesce(first_synced_at, $2), last_synced_at = $2 \
         WHERE connector_id = $1")
    .bind_as::<SqlUuid, _>(guard.connector.0)
    .bind_as::<Timestamptz, _>(now)
    .execute(tx)
    .await?;
    Ok(())
}

/// Takes what connector says, if it is newer. Answers whether it was.
pub async fn apply_state(
    tx: &mut Tx,
    tenant: &TenantId,
    state: &ConnectorState,
    connector: ConnectorId,
    now: Timestamp,
) -> Result<bool, Error> {
    let settings = state.settings.clone().unwrap_or_default();
    let key = EmailAddress::parse(&state.email_address)
        .map_or_else(|_odd| state.email_address.to_lowercase(), |address| address.lookup_key());
    let json = serde_json::json!({
        "label_ids": settings.label_ids,
        "label_filter_action": settings.label_filter_action,
        "attachments": settings.attachments,
        "attachment_max_bytes": settings.attachment_max_bytes,
        "include_spam_trash": settings.include_spam_trash,
        "sync_since_ms": settings.sync_since_ms,
    });
    let changed =
        sql("INSERT INTO mailboxes AS m (connector_id, tenant, owner, connector_version, google_sub, address, \
            address_key, display_name, status, status_reason, erase, settings, poll_interval_seconds, due_at, \
            due_reason, created_at, updated_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12::jsonb, $13, \
            CASE WHEN $9 = 'active' THEN $14 END, 'connected', $14, $14) \
         ON CONFLICT (connector_id) DO UPDATE SET owner = excluded.owner, \
            connector_version = excluded.connector_version, google_sub = excluded.google_sub, \
            address = excluded.address, address_key = excluded.address_key, display_name = excluded.display_name, \
            status = excluded.status, status_reason = excluded.status_reason, erase = m.erase OR excluded.erase, \
            settings = excluded.settings, poll_interval_seconds = excluded.poll_interval_seconds, \
            requested = m.requested + 1, \
            due_at = CASE WHEN excluded.status = 'active' THEN least(m.due_at, excluded.due_at) END, \
            due_reason = excluded.due_reason, \
            not_before = CASE WHEN m.status = 'reauth_required' THEN NULL ELSE m.not_before END, \
            updated_at = excluded.updated_at \
         WHERE m.connector_version < excluded.connector_version")
        .bind_as::<SqlUuid, _>(connector.0)
        .bind_as::<Text, _>(tenant.as_str())
        .bind_as::<Text, _>(&state.owner)
        .bind_as::<BigInt, _>(state.version)
        .bind_as::<Text, _>(&state.google_sub)
        .bind_as::<Text, _>(&state.email_address)
        .bind_as::<Text, _>(key)
        .bind_as::<Text, _>(&state.display_name)
        .bind_as::<Text, _>(&state.status)
        .bind_as::<Text, _>(&state.reason)
        .bind_as::<Bool, _>(state.erase)
        .bind_as::<Text, _>(json.to_string())
        .bind_as::<Integer, _>(i32::try_from(settings.poll_interval_seconds).unwrap_or(i32::MAX))
        .bind_as::<Timestamptz, _>(now)
        .execute(tx)
        .await?;
    Ok(changed > 0)
}

/// Takes what connector says about its watch, if it is newer. A mailbox that is not known yet is an error the caller
/// retries: its `connected` comes before on the same stream.
pub async fn apply_watch(
    tx: &mut Tx,
    connector: ConnectorId,
    watch: &WatchState,
    live: bool,
    now: Timestamp,
) -> Result<bool, Error> {
    let push = live && watch.watch_type == "push";
    let expires = if push { Timestamp::from_timestamp_millis(watch.expires_at_ms) } else { None };
    let changed =
        sql("UPDATE mailboxes SET watch_type = $2, watch_expires_at = $3, watch_version = $4, updated_at = $5 \
         WHERE connector_id = $1 AND watch_version < $4")
        .bind_as::<SqlUuid, _>(connector.0)
        .bind_as::<Text, _>(if push { "push" } else { "polling" })
        .bind_as::<Nullable<Timestamptz>, _>(expires)
        .bind_as::<BigInt, _>(watch.version)
        .bind_as::<Timestamptz, _>(now)
        .execute(tx)
        .await?;
    Ok(changed > 0)
}

/// The labels of a mailbox were read.
pub async fn labels_read(tx: &mut Tx, guard: &Guard, now: Timestamp) -> Result<(), Error> {
    sql("UPDATE mailboxes SET labels_synced_at = $2 WHERE connector_id = $1")
        .bind_as::<SqlUuid, _>(guard.connector.0)
        .bind_as::<Timestamptz, _>(now)
        .execute(tx)
        .await?;
    Ok(())
}
