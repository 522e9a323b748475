//! Asks daily whether a channel's account is still there: the channel of one that was disconnected or erased is closed and
//! its address forgotten, and an account's new address is taken over.

use std::time::Duration;

use chrono::TimeDelta;
use postrider_web::{Call, ClientError, Scopes};

use crate::accounts;
use crate::error::ChannelError;
use crate::state::{Channels, State};
use crate::store::channels::{self, Due};

/// How often due rows are looked for.
pub const EVERY: Duration = Duration::from_secs(60);
/// When an account is looked at again.
pub const AGAIN: TimeDelta = TimeDelta::hours(24);
/// When to try again while connector is away.
const LATER: TimeDelta = TimeDelta::minutes(5);
const BATCH: i64 = 64;

/// Looks at the accounts that are due now. Returns how many channels that were.
pub async fn turn(state: &State) -> Result<usize, ChannelError> {
    let own = state.channels()?;
    let now = state.seams.clock.now();
    let tx = own.db.system().await?;
    let due = channels::claim_checks(&tx, now, BATCH).await?;
    tx.commit().await?;
    for channel in &due {
        look(state, own, channel).await?;
    }
    Ok(due.len())
}

async fn look(state: &State, own: &Channels, channel: &Due) -> Result<(), ChannelError> {
    let scopes = Scopes::parse("read");
    let call = Call::on_behalf_of(channel.tenant.clone(), channel.user_id.clone(), scopes, None);
    let found = accounts::find(&own.connector, &call, channel.connector_id).await;
    let now = state.seams.clock.now();
    let tx = own.db.system().await?;
    match found.map(|account| account.and_then(|account| account.address())) {
        Ok(Some(address)) => channels::mark_checked(&tx, channel.id, &address, now + AGAIN).await?,
        Ok(None) => {
            tracing::info!(channel.id = %channel.id, "the account of channel {} is gone: it is closed", channel.id);
            channels::close(&tx, channel.id).await?;
        }
        Err(error) => {
            postpone(&error, channel);
            channels::mark_checked(&tx, channel.id, &channel.email_address, now + LATER).await?;
        }
    }
    tx.commit().await?;
    Ok(())
}

fn postpone(error: &ClientError, channel: &Due) {
    tracing::info!(channel.id = %channel.id, %error, "cannot ask for the account of channel {} now", channel.id);
}
