//! What every session of the replica shares.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use postrider_domain::Seams;
use postrider_runtime::Tasks;
use postrider_storage::Db;
use tokio_util::sync::CancellationToken;

use super::confirmed::Confirmed;
use super::identity::TokenVerifier;
use super::server::transports::Transports;
use super::settings::Settings;
use super::user_rates::UserRates;
use crate::actions::Actions;
use crate::hints::{FanOut, Hub};
use crate::metrics::Metrics;

/// The parts a session works with, and what is known of all of them.
pub struct Shared {
    /// A share of the pool: however many sockets look at once, consumers and routes have the rest.
    pub db: Db,
    pub actions: Actions,
    pub hub: Hub,
    pub fan_out: FanOut,
    pub verifier: Arc<dyn TokenVerifier>,
    pub seams: Seams,
    pub metrics: Arc<Metrics>,
    pub tasks: Tasks,
    pub settings: Settings,
    pub sockets: Sockets,
}

/// The sockets of this replica.
#[derive(Default)]
pub struct Sockets {
    pub transports: Transports,
    /// What is known to have arrived and waits to be written.
    pub confirmed: Confirmed,
    /// What each user may ask over all sockets.
    pub user_rates: UserRates,
    /// The soft stop began.
    pub leaving: CancellationToken,
    pub open: AtomicUsize,
}

impl Sockets {
    /// Sessions whose task runs.
    pub fn open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }
}
