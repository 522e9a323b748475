//! What a session does from time to time: it looks for stalled and flooding clients, writes what certainly arrived, and
//! reads rows nobody hinted at.

use tokio::time::Instant;

use super::watermark::Places;
use super::{End, Session};
use crate::channels::socket::inbound::Inbound;
use crate::store::users;

impl Session {
    pub(super) async fn housekeep(&mut self) -> Result<(), End> {
        self.emitter.check_stalled()?;
        if self.socket.extensions.get::<Inbound>().is_some_and(|inbound| inbound.is_flooded()) {
            return Err(self.flooded().await);
        }
        let now = Instant::now();
        if let Some(places) = self.watermark.confirm(now) {
            self.confirm(places).await;
        }
        if self.behind || now.duration_since(self.last_check) >= self.shared.settings.check_every {
            self.last_check = now;
            self.catch_up().await?;
            self.tell_count().await?;
        }
        Ok(())
    }

    /// Writes what the client certainly received; if that fails it is only repeated later.
    pub(super) async fn confirm(&self, places: Places) {
        let Some(identity) = self.identity() else { return };
        let (tenant, user) = (&identity.owner.tenant, &identity.owner.user);
        let written = async {
            let tx = self.shared.db.tenant(tenant).await?;
            users::confirm(&tx, tenant, user, places.notifications, places.sync).await?;
            tx.commit().await
        };
        if let Err(error) = written.await {
            tracing::warn!(%error, "a watermark could not be written");
        }
    }
}
