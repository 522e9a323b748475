//! What becomes of the shares in an account's watch once Google answered: their rows and their events.

use chrono::TimeDelta;
use postrider_domain::{WatchId, WatchState};
use postrider_gmail::WatchAnswer;
use postrider_storage::{SystemTx, TenantTx};

use crate::error::Error;
use crate::events::{self, WatchChange};
use crate::state::State;
use crate::store::connectors::{self, members};
use crate::store::google_accounts::{Account, watch};
use crate::store::watches::{self, WatchNow};

/// Google's own push may come before its answer does, and clocks differ.
const SKEW: TimeDelta = TimeDelta::minutes(1);
/// Google ends a watch after seven days and advises a daily renewal.
const RENEW_EVERY: TimeDelta = TimeDelta::hours(24);

/// Keeps Google's answer for the locked account and tells the connectors that have a share in the watch.
pub(super) async fn settle(
    tx: SystemTx,
    state: &State,
    account: &Account,
    answer: &WatchAnswer,
) -> Result<SystemTx, Error> {
    let now = state.seams.clock.now();
    // Well before Google's end even if it is nearer than usual.
    let wait = RENEW_EVERY.min((answer.expires_at - now) / 2);
    let renewal = now + jittered(wait, state.seams.entropy.unit());
    let due = if account.watch_wanted { renewal } else { now };
    watch::mark_running(&tx, account.id, answer.history_id, answer.expires_at, due, now - SKEW).await?;
    if !account.watch_wanted {
        return Ok(tx);
    }
    let active =
        WatchNow { history_id: answer.history_id, expires_at: Some(answer.expires_at), ..WatchNow::running(account) };
    shares(tx, state, account, active).await
}

/// Up to a tenth sooner, so that accounts that were connected together are not renewed together for ever.
fn jittered(wait: TimeDelta, unit: f64) -> TimeDelta {
    wait.to_std().ok().and_then(|wait| TimeDelta::from_std(wait.mul_f64(1.0 - unit / 10.0)).ok()).unwrap_or(wait)
}

/// Gives every connector with a share in the account's watch its new state and event.
pub(super) async fn shares(
    mut tx: SystemTx,
    state: &State,
    account: &Account,
    now: WatchNow,
) -> Result<SystemTx, Error> {
    for member in members::live(&tx, account).await?.iter().filter(|member| member.watched) {
        let mut tenant = tx.into_tenant(&member.tenant).await?;
        if let Some(row) = connectors::get(&tenant, member.connector).await? {
            share(&mut tenant, state, &row, now).await?;
        }
        tx = tenant.into_system().await?;
    }
    Ok(tx)
}

async fn share(tx: &mut TenantTx, state: &State, row: &connectors::Connector, now: WatchNow) -> Result<(), Error> {
    let Some(was) = watches::lock(tx, row.id).await? else { return Ok(()) };
    let change = match (was.state, now.state) {
        // Stopped by its owner while Google answered.
        (WatchState::Stopped, _) => return Ok(()),
        // Google watches, and nothing comes: to whoever polls it is as good as lapsed.
        (WatchState::Active, WatchState::Active) if now.silent && !was.silent => WatchChange::Lapsed,
        (WatchState::Active, WatchState::Active) => WatchChange::Renewed,
        (_, WatchState::Active) => WatchChange::Started,
        (WatchState::Active, _) => WatchChange::Lapsed,
        _ => return Ok(()),
    };
    let watch = watches::set(tx, WatchId(state.seams.ids.uuid()), &row.tenant, row.id, now).await?;
    events::watch(tx, &state.seams, row, &watch, change, None).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn renewals_spread_over_the_last_tenth_of_their_wait() {
        let hours = |unit| jittered(RENEW_EVERY, unit).num_minutes();
        assert_eq!((hours(0.0), hours(0.5), hours(0.999_999)), (24 * 60, 24 * 60 - 72, 24 * 60 - 144));
        // Too late already: at once.
        assert_eq!(jittered(TimeDelta::seconds(-5), 0.5), TimeDelta::seconds(-5));
    }
}
