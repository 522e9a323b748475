//! Pushes that arrived: when accounts were last heard of, and whose watch is silent no more.

use std::collections::BTreeMap;

use postrider_domain::Timestamp;

use super::tell;
use crate::error::Error;
use crate::state::State;
use crate::store::google_accounts::{self, watch};
use crate::store::watches::WatchNow;

/// Notes when pushes for addresses arrived, and tells the connectors of accounts that were silent before. Returns how many
/// accounts were heard of anew.
pub async fn note(state: &State, heard: &BTreeMap<String, Timestamp>) -> Result<usize, Error> {
    let mut tx = state.db.system().await?;
    let moved = watch::mark_heard(&tx, heard).await?;
    for account in moved.iter().filter(|account| account.was_silent) {
        let account = google_accounts::lock(&tx, account.id).await?;
        tx = tell::shares(tx, state, &account, WatchNow::running(&account)).await?;
    }
    tx.commit().await?;
    Ok(moved.len())
}
