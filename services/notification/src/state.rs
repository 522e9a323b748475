//! What handlers may reach. No publisher: events go through the outbox.

use postrider_domain::Seams;
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
