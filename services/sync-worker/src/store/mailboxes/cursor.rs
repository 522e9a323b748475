//! How far the mirror has come. Only who holds the lease moves it.

use postrider_domain::{HistoryId, Timestamp};
use postrider_storage::{Error, TenantTx, sql};

use super::{Guard, Mailbox, mailbox_columns};

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

/// Moves the cursor forward; it never goes back inside a generation.
pub async fn advance(tx: &TenantTx, guard: &Guard, cursor: HistoryId, now: Timestamp) -> Result<(), Error> {
    sql("UPDATE mailboxes SET cursor = greatest(cursor, $2), updated_at = $3 WHERE connector_id = $1")
        .binds((guard.connector, cursor, now))
        .execute(tx)
        .await?;
    Ok(())
}

/// The live lane reached the end of the history: `began` is when it started to look.
pub async fn caught_up(tx: &TenantTx, guard: &Guard, cursor: HistoryId, began: Timestamp) -> Result<(), Error> {
    sql("UPDATE mailboxes SET cursor = greatest(cursor, $2), caught_up_at = $3, last_synced_at = $3, attempts = 0, \
           last_error = NULL, not_before = NULL, updated_at = $3 WHERE connector_id = $1")
    .binds((guard.connector, cursor, began))
    .execute(tx)
    .await?;
    Ok(())
}

/// Starts history over at `boundary`, in the given generation.
pub async fn start_over(
    tx: &mut TenantTx,
    guard: &Guard,
    generation: i32,
    boundary: HistoryId,
    now: Timestamp,
) -> Result<(), Error> {
    sql(
        "UPDATE mailboxes SET generation = $2, cursor = $3, caught_up_at = $4, updated_at = $4 WHERE connector_id = $1",
    )
    .binds((guard.connector, generation, boundary, now))
    .execute(tx)
    .await?;
    Ok(())
}

/// A full run came to its end.
pub async fn first_synced(tx: &mut TenantTx, guard: &Guard, now: Timestamp) -> Result<(), Error> {
    sql("UPDATE mailboxes SET first_synced_at = coalesce(first_synced_at, $2), last_synced_at = $2 \
         WHERE connector_id = $1")
    .binds((guard.connector, now))
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
