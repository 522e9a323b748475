//! Forgets what is old: answers of repeated writes after a day, audit entries after 400 days, API keys a month after they
//! ended. Safe with many replicas: what one deletes the other does not find.

use std::time::Duration;

use chrono::TimeDelta;
use postrider_domain::Timestamp;
use postrider_storage::{Db, Error};

use crate::http::KEPT as REPEATS;
use crate::store::{api_keys, audit_log, idempotency_keys};

pub const EVERY: Duration = Duration::from_secs(600);

/// More than a year, so that a yearly review finds all of it.
const AUDIT: TimeDelta = TimeDelta::days(400);
/// Ended keys stay in lists this long, so that their owners see why something stopped.
const KEYS: TimeDelta = TimeDelta::days(30);
/// Rows of one statement.
const SLICE: i64 = 5_000;
/// Statements of one turn: more than all users together can make between two turns.
const SLICES: usize = 400;

/// Forgets what is old now. Returns how many rows that were.
///
/// # Errors
/// The database is away.
pub async fn turn(db: &Db, now: Timestamp) -> Result<usize, Error> {
    let tx = db.system().await?;
    let mut all = api_keys::delete_ended(&tx, now - KEYS).await?;
    tx.commit().await?;
    for _ in 0..SLICES {
        let tx = db.system().await?;
        let repeats = idempotency_keys::delete_old(&tx, now - REPEATS, SLICE).await?;
        let entries = audit_log::delete_old(&tx, now - AUDIT, SLICE).await?;
        tx.commit().await?;
        all += repeats + entries;
        if repeats + entries == 0 {
            break;
        }
    }
    Ok(all)
}
