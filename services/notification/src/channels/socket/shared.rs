//! What every session of the replica shares.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use postrider_domain::Seams;
use postrider_runtime::Tasks;
use postrider_storage::Db;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::identity::TokenVerifier;
use super::server::transports::Transports;
use super::settings::Settings;
use crate::actions::Actions;
use crate::hints::{FanOut, Hub};
use crate::metrics::Metrics;

/// The parts a session works with, and what is known of all of them.
pub struct Shared {
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
pub struct Sockets {
    pub transports: Transports,
    /// Replays under way; more wait.
    pub replays: Semaphore,
    /// The soft stop began.
    pub leaving: CancellationToken,
    pub open: AtomicUsize,
}

impl Sockets {
    pub fn new(settings: &Settings) -> Self {
        Self {
            transports: Transports::default(),
            replays: Semaphore::new(settings.replays),
            leaving: CancellationToken::new(),
            open: AtomicUsize::new(0),
        }
    }

    /// Sessions whose task runs.
    pub fn open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }
}
