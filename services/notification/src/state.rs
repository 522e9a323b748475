//! What handlers may reach. No publisher: events go through the outbox.

use postrider_domain::Seams;
use postrider_storage::Db;

use crate::actions::Actions;
use crate::deliveries::Engine;

/// Shared by all handlers of the process.
#[derive(Clone)]
pub struct State {
    pub db: Db,
    pub seams: Seams,
    pub actions: Actions,
    pub engine: Engine,
}
