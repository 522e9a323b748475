//! The watch columns of `google_accounts`: what is due when, and what Google answered.

use std::collections::BTreeMap;

use postrider_domain::{HistoryId, Timestamp};
use postrider_storage::due::CLAIM_SECONDS;
use postrider_storage::{Error, SystemTx, Value, claim_due, row, sql};
use uuid::Uuid;

use super::{Account, account_columns};

/// Asks for a watch on a topic, to be started at `due`. A running watch on the same topic is left to its renewal.
pub async fn want(tx: &SystemTx, account: Uuid, topic: &str, due: Timestamp) -> Result<(), Error> {
    sql("UPDATE google_accounts SET watch_wanted = true, watch_topic = $2, watch_attempts = 0, \
            watch_due_at = CASE WHEN watch_wanted AND watch_topic = $2 AND watch_expires_at > $3 \
                                THEN least(watch_due_at, watch_expires_at) ELSE $3 END, \
            updated_at = clock_timestamp() WHERE id = $1")
    .binds((account, topic, due))
    .execute(tx)
    .await?;
    Ok(())
}

/// The wanted watch is to be asked for again at `due`: Google may watch another topic.
pub async fn mark_due(tx: &SystemTx, account: Uuid, due: Timestamp) -> Result<(), Error> {
    sql("UPDATE google_accounts SET watch_due_at = $2, updated_at = clock_timestamp() WHERE id = $1 AND watch_wanted")
        .binds((account, due))
        .execute(tx)
        .await?;
    Ok(())
}

/// Nobody wants the watch any more; `due` says when to stop it at Google (never, if a revoke is going to do it).
pub async fn unwant(tx: &SystemTx, account: Uuid, due: Option<Timestamp>) -> Result<(), Error> {
    sql("UPDATE google_accounts SET watch_wanted = false, watch_attempts = 0, \
            watch_due_at = CASE WHEN watch_expires_at IS NULL THEN NULL ELSE $2::timestamptz END, \
            updated_at = clock_timestamp() WHERE id = $1")
    .binds((account, due))
    .execute(tx)
    .await?;
    Ok(())
}

/// Claims accounts whose watch is due, oldest first; other replicas skip them for a minute.
pub async fn claim(tx: &SystemTx, now: Timestamp, limit: i64) -> Result<Vec<Account>, Error> {
    sql(claim_due!(
        table "google_accounts",
        of "id",
        due "watch_due_at",
        claimed "watch_claimed_until",
        returning account_columns!()
    ))
    .binds((now, limit, CLAIM_SECONDS))
    .load(tx)
    .await
}

/// Claims one account for a call about its watch, whether it is due or not, until the call is recorded or
/// [released](release): two calls at once would leave two subscriptions at Google.
pub async fn claim_one(tx: &SystemTx, account: Uuid) -> Result<bool, Error> {
    let touched =
        sql("UPDATE google_accounts SET watch_claimed_until = clock_timestamp() + make_interval(secs => $2) \
         WHERE id = $1 AND (watch_claimed_until IS NULL OR watch_claimed_until < clock_timestamp())")
        .binds((account, CLAIM_SECONDS))
        .execute(tx)
        .await?;
    Ok(touched == 1)
}

/// Gives a claim up without anything to record.
pub async fn release(tx: &SystemTx, account: Uuid) -> Result<(), Error> {
    sql("UPDATE google_accounts SET watch_claimed_until = NULL WHERE id = $1").bind(account).execute(tx).await?;
    Ok(())
}

/// Finds running watches on a topic whose own push did not come within the time a push may take (called before
/// `missed`), and those that were silent before and are to be probed again (before `again`). Each is due for another call
/// now, which sends another push. Returns those found for the first time, locked.
pub async fn mark_silent(
    tx: &SystemTx,
    topic: &str,
    now: Timestamp,
    missed: Timestamp,
    again: Timestamp,
) -> Result<Vec<Account>, Error> {
    sql(concat!(
        "WITH silent AS ( \
             SELECT id AS account, watch_silent_since IS NULL AS first FROM google_accounts \
             WHERE watch_expires_at > $2 AND watch_wanted AND watch_topic = $1 \
               AND watch_called_at <= CASE WHEN watch_silent_since IS NULL THEN $3::timestamptz ELSE $4 END \
               AND (last_notification_at IS NULL OR last_notification_at < watch_called_at) \
             ORDER BY id LIMIT 256 FOR UPDATE SKIP LOCKED), \
         marked AS ( \
             UPDATE google_accounts a SET watch_silent_since = coalesce(a.watch_silent_since, $2), \
                watch_due_at = least(a.watch_due_at, $2), updated_at = clock_timestamp() \
             FROM silent WHERE a.id = silent.account RETURNING first, ",
        account_columns!(),
        ") SELECT ",
        account_columns!(),
        " FROM marked WHERE first"
    ))
    .binds((topic, now, missed, again))
    .load(tx)
    .await
}

row! {
    /// An account of which a later push was seen than any before.
    #[derive(Debug, Clone, Copy)]
    pub struct Heard {
        pub id: Uuid,
        /// Its watch was silent, and is not any more.
        pub was_silent: bool,
    }
}

/// Remembers when pushes for addresses were last seen. The accounts are locked in one order, so that two batches that
/// share some cannot wait for each other in a circle. A maximum: repeats and late ones change nothing. Returns the accounts
/// that moved.
pub async fn mark_heard(tx: &SystemTx, heard: &BTreeMap<String, Timestamp>) -> Result<Vec<Heard>, Error> {
    sql("WITH moved AS ( \
             SELECT a.id, heard.at, a.watch_silent_since IS NOT NULL AND heard.at >= a.watch_called_at AS was_silent \
             FROM google_accounts a \
             JOIN {heard: address_key text, at timestamptz} ON a.address_key = heard.address_key \
             WHERE a.last_notification_at IS NULL OR a.last_notification_at < heard.at \
             ORDER BY a.id FOR UPDATE OF a) \
         UPDATE google_accounts a SET last_notification_at = moved.at, \
            watch_silent_since = CASE WHEN moved.at < a.watch_called_at THEN a.watch_silent_since END FROM moved \
         WHERE a.id = moved.id AND (a.last_notification_at IS NULL OR a.last_notification_at < moved.at) \
         RETURNING a.id, coalesce(moved.was_silent, false) AS was_silent")
    .column("address_key", heard.keys().map(String::as_str))
    .column("at", heard.values().copied())
    .load(tx)
    .await
}

/// Google was asked at `called` and watches until `expires`; look again at `due`.
pub async fn mark_running(
    tx: &SystemTx,
    account: Uuid,
    history_id: HistoryId,
    expires: Timestamp,
    due: Timestamp,
    called: Timestamp,
) -> Result<(), Error> {
    sql("UPDATE google_accounts SET watch_history_id = $2, watch_expires_at = $3, watch_due_at = $4, \
            watch_attempts = 0, watch_error = NULL, watch_claimed_until = NULL, watch_called_at = $5, \
            updated_at = clock_timestamp() WHERE id = $1")
    .binds((account, history_id, expires, due, called))
    .execute(tx)
    .await?;
    Ok(())
}

/// No watch runs any more; nothing is due unless `due` says so.
pub async fn mark_ended(tx: &SystemTx, account: Uuid, due: Option<Timestamp>) -> Result<(), Error> {
    sql("UPDATE google_accounts SET watch_expires_at = NULL, watch_due_at = $2, watch_error = NULL, watch_silent_since = NULL, \
            watch_claimed_until = NULL, updated_at = clock_timestamp() WHERE id = $1")
    .binds((account, due))
    .execute(tx)
    .await?;
    Ok(())
}

/// The call failed with `error` (a stable word); try again at `due`.
pub async fn mark_failed(tx: &SystemTx, account: Uuid, error: &str, due: Timestamp) -> Result<(), Error> {
    sql("UPDATE google_accounts SET watch_attempts = watch_attempts + 1, watch_error = $2, watch_due_at = $3, \
            watch_claimed_until = NULL, updated_at = clock_timestamp() WHERE id = $1")
    .binds((account, error, due))
    .execute(tx)
    .await?;
    Ok(())
}

/// When the first of the wanted watches runs out.
pub async fn soonest_expiry(tx: &SystemTx) -> Result<Option<Timestamp>, Error> {
    let soonest = sql("SELECT watch_expires_at AS value FROM google_accounts \
         WHERE watch_wanted AND watch_expires_at IS NOT NULL ORDER BY watch_expires_at LIMIT 1")
    .optional::<Value<Timestamp>>(tx)
    .await?;
    Ok(soonest.map(|row| row.0))
}

/// Accounts whose watch ran out unrenewed, locked; Google pushes nothing for them.
pub async fn lock_expired(tx: &SystemTx, now: Timestamp, limit: i64) -> Result<Vec<Account>, Error> {
    sql(concat!(
        "SELECT ",
        account_columns!(),
        " FROM google_accounts WHERE watch_expires_at <= $1 ORDER BY watch_expires_at LIMIT $2 FOR UPDATE SKIP LOCKED"
    ))
    .binds((now, limit))
    .load(tx)
    .await
}
