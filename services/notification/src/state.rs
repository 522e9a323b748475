//! What handlers may reach. No publisher: events go through the outbox.

use std::sync::Arc;

use chrono::SubsecRound as _;
use postrider_domain::{Seams, Timestamp};
use postrider_storage::Db;
use tokio_util::sync::CancellationToken;

use crate::actions::Actions;
use crate::deliveries::{Engine, MailIdentity};
use crate::feed::Bells;
use crate::mail_texts::MailTexts;

/// Shared by all handlers of the process.
#[derive(Clone)]
pub struct State {
    pub db: Db,
    pub seams: Seams,
    pub actions: Actions,
    pub engine: Engine,
    pub feed_bells: Bells,
    /// What mails say.
    pub mail_texts: Arc<dyn MailTexts>,
    /// What mails are made and known by.
    pub mail: MailIdentity,
    /// Whoever waits for something is let go when the service stops.
    pub stop: CancellationToken,
}

/// Now, as rows keep it: what a write answers is what is read later.
pub fn row_time(state: &State) -> Timestamp {
    state.seams.clock.now().trunc_subsecs(6)
}
