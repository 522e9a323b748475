//! How far the mirror has come. Only who holds the lease moves it.

use postrider_domain::{ConnectorId, HistoryId, Timestamp};
use postrider_storage::{Error, TenantTx, sql};

use super::{Guard, Mailbox, mailbox_columns};
use crate::rules::settle::Standing;

/// A mailbox of the entered tenant, whoever holds it.
pub async fn find(tx: &TenantTx, connector: ConnectorId) -> Result<Option<Mailbox>, Error> {
    sql(concat!(
        "SELECT ",
        mailbox_columns!(),
        " FROM mailboxes m WHERE m.tenant = nullif(current_setting('postrider.tenant', true), '') AND m.connector_id = $1"
    ))
    .bind(connector)
    .optional(tx)
    .await
}

/// The mailbox, if the lease still has this epoch.
pub async fn find_held(tx: &mut TenantTx, guard: &Guard) -> Result<Option<Mailbox>, Error> {
    sql(concat!("SELECT ", mailbox_columns!(), " FROM mailboxes m WHERE m.connector_id = $1 AND m.epoch = $2"))
        .binds((guard.connector, guard.epoch))
        .optional(tx)
        .await
}

/// Locks the mailbox row if epoch and generation are still the holder's; `None` means fenced or broken off.
pub async fn lock(tx: &mut TenantTx, guard: &Guard) -> Result<Option<Mailbox>, Error> {
    sql(concat!(
        "SELECT ",
        mailbox_columns!(),
        " FROM mailboxes m WHERE m.connector_id = $1 AND m.epoch = $2 AND m.generation = $3 FOR NO KEY UPDATE"
    ))
    .binds((guard.connector, guard.epoch, guard.generation))
    .optional(tx)
    .await
}

/// Entries up to `cursor` were applied that were not seen before. It never goes back inside a generation.
pub async fn advance(tx: &TenantTx, guard: &Guard, cursor: HistoryId, now: Timestamp) -> Result<(), Error> {
    sql("UPDATE mailboxes SET cursor = greatest(cursor, $2), last_entry_at = $3, updated_at = $3 \
         WHERE connector_id = $1")
    .binds((guard.connector, cursor, now))
    .execute(tx)
    .await?;
    Ok(())
}

/// A look came to the end of the history, and leaves things standing so. `entry_at`: it showed something new.
pub async fn looked(
    tx: &TenantTx,
    guard: &Guard,
    standing: &Standing,
    entry_at: Option<Timestamp>,
) -> Result<(), Error> {
    let Standing { settled, cursor, seen_head, seen_head_at, caught_up_at, .. } = *standing;
    sql("UPDATE mailboxes SET settled = $2, cursor = greatest(cursor, $3), seen_head = $4, seen_head_at = $5, \
           caught_up_at = $6, last_synced_at = $6, updated_at = $6, last_entry_at = coalesce($7, last_entry_at), \
           gone_at = NULL, gone_head = NULL, attempts = 0, last_error = NULL, not_before = NULL WHERE connector_id = $1")
    .binds((guard.connector, settled, cursor, seen_head, seen_head_at, caught_up_at, entry_at))
    .execute(tx)
    .await?;
    Ok(())
}

/// History answers that it is gone; meanwhile looks start at `head`.
pub async fn note_gone(tx: &TenantTx, guard: &Guard, since: Timestamp, head: HistoryId) -> Result<(), Error> {
    sql("UPDATE mailboxes SET gone_at = $2, gone_head = least(gone_head, $3) WHERE connector_id = $1 AND epoch = $4")
        .binds((guard.connector, since, head, guard.epoch))
        .execute(tx)
        .await?;
    Ok(())
}

/// Gmail tells ids far below those before, since then and from this one on.
pub async fn note_back(tx: &TenantTx, guard: &Guard, since: Timestamp, head: HistoryId) -> Result<(), Error> {
    sql("UPDATE mailboxes SET back_at = $2, back_head = least(back_head, $3) WHERE connector_id = $1 AND epoch = $4")
        .binds((guard.connector, since, head, guard.epoch))
        .execute(tx)
        .await?;
    Ok(())
}

/// Ids are right again. What carried lower ones meanwhile is found by listings.
pub async fn note_right(tx: &TenantTx, guard: &Guard, look_back_at: Timestamp) -> Result<(), Error> {
    sql("UPDATE mailboxes SET back_at = NULL, back_head = NULL, look_back_at = least(look_back_at, $2) \
         WHERE connector_id = $1 AND epoch = $3")
    .binds((guard.connector, look_back_at, guard.epoch))
    .execute(tx)
    .await?;
    Ok(())
}

/// Newest mail and labels were compared with listings, if nobody asked for that anew meanwhile.
pub async fn looked_back(tx: &TenantTx, guard: &Guard, due: Timestamp) -> Result<(), Error> {
    sql("UPDATE mailboxes SET look_back_at = NULL WHERE connector_id = $1 AND look_back_at <= $2 AND epoch = $3")
        .binds((guard.connector, due, guard.epoch))
        .execute(tx)
        .await?;
    Ok(())
}

/// A comparison with listings is to be made by then, or before.
pub async fn want_look_back(tx: &TenantTx, guard: &Guard, at: Timestamp) -> Result<(), Error> {
    sql("UPDATE mailboxes SET look_back_at = least(look_back_at, $2) WHERE connector_id = $1 AND epoch = $3")
        .binds((guard.connector, at, guard.epoch))
        .execute(tx)
        .await?;
    Ok(())
}

/// The comparison with listings is due then.
pub async fn postpone_look_back(tx: &TenantTx, guard: &Guard, at: Timestamp) -> Result<(), Error> {
    sql("UPDATE mailboxes SET look_back_at = $2 WHERE connector_id = $1 AND epoch = $3")
        .binds((guard.connector, at, guard.epoch))
        .execute(tx)
        .await?;
    Ok(())
}

/// A history that begins.
#[derive(Debug, Clone, Copy)]
pub struct Beginning {
    pub generation: i32,
    pub boundary: HistoryId,
    /// It begins because ids went back: records will have lower ids than the mails they are about.
    pub renumbered: bool,
    /// When what a lagging listing missed is looked for.
    pub look_back_at: Timestamp,
    /// The gap that a repair is to close began then.
    pub news_since: Option<Timestamp>,
}

/// Starts history over. The mirror is as current as it was: what came since is still to be told.
pub async fn start_over(tx: &mut TenantTx, guard: &Guard, new: &Beginning, now: Timestamp) -> Result<(), Error> {
    sql("UPDATE mailboxes SET generation = $2, settled = $3, cursor = $3, seen_head = $3, seen_head_at = $4, \
           caught_up_at = coalesce(caught_up_at, $4), updated_at = $4, gone_at = NULL, gone_head = NULL, back_at = NULL, \
           back_head = NULL, look_back_at = $5, first_listed_at = coalesce(first_listed_at, first_synced_at, $4), news_since = $7, \
           renumbered_at = CASE WHEN $6 THEN $4::timestamptz END WHERE connector_id = $1")
    .binds((guard.connector, new.generation, new.boundary, now, new.look_back_at, new.renumbered, new.news_since))
    .execute(tx)
    .await?;
    Ok(())
}

/// A run that listed the whole mailbox came to its end; the next one is due at `audit_at`.
pub async fn first_synced(tx: &mut TenantTx, guard: &Guard, now: Timestamp, audit_at: Timestamp) -> Result<(), Error> {
    sql("UPDATE mailboxes SET first_synced_at = coalesce(first_synced_at, $2), last_synced_at = $2, audit_at = $3 \
         WHERE connector_id = $1")
    .binds((guard.connector, now, audit_at))
    .execute(tx)
    .await?;
    Ok(())
}

/// A repair that began then came to its end: the mirror is as current as it was then.
pub async fn repaired(tx: &TenantTx, guard: &Guard, began_at: Timestamp) -> Result<(), Error> {
    sql("UPDATE mailboxes SET caught_up_at = greatest(caught_up_at, $2), news_since = NULL WHERE connector_id = $1")
        .binds((guard.connector, began_at))
        .execute(tx)
        .await?;
    Ok(())
}

/// The labels of a mailbox were read.
pub async fn labels_read(tx: &mut TenantTx, guard: &Guard, now: Timestamp) -> Result<(), Error> {
    sql("UPDATE mailboxes SET labels_synced_at = $2 WHERE connector_id = $1")
        .binds((guard.connector, now))
        .execute(tx)
        .await?;
    Ok(())
}
