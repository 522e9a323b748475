//! What handlers may reach. No publisher: events go through the outbox.

use chrono::SubsecRound as _;
use postrider_domain::{Seams, Timestamp};
use postrider_storage::Db;
use tokio_util::sync::CancellationToken;

use crate::actions::Actions;
use crate::deliveries::Engine;
use crate::feed::Bells;

/// Shared by all handlers of the process.
#[derive(Clone)]
pub struct State {
    pub db: Db,
    pub seams: Seams,
    pub actions: Actions,
    pub engine: Engine,
    pub feed_bells: Bells,
    /// Whoever waits for something is let go when the service stops.
    pub stop: CancellationToken,
}

/// Now, as rows keep it: what a write answers is what is read later.
pub fn row_time(state: &State) -> Timestamp {
    state.seams.clock.now().trunc_subsecs(6)
}
