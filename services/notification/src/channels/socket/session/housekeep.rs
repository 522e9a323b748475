//! What a session does from time to time: it looks for stalled and flooding clients, confirms what certainly arrived, and
//! reads rows that could not be read before.

use tokio::time::Instant;

use super::{End, Session};
use crate::channels::socket::inbound::Inbound;
use crate::rules::Places;

impl Session {
    pub(super) async fn housekeep(&mut self) -> Result<(), End> {
        self.emitter.check_stalled()?;
        if self.socket.extensions.get::<Inbound>().is_some_and(|inbound| inbound.is_flooded()) {
            return Err(self.flooded().await);
        }
        let now = Instant::now();
        if let Some(places) = self.watermark.confirm(now) {
            self.confirm(places);
        }
        if self.behind {
            self.catch_up().await?;
            self.tell_count().await?;
        }
        Ok(())
    }

    /// What the client certainly received is written soon; if it never is, it is only repeated.
    pub(super) fn confirm(&self, places: Places) {
        if let Some(identity) = self.identity() {
            self.shared.sockets.confirmed.note(&identity.owner.tenant, &identity.owner.user, places);
        }
    }
}
