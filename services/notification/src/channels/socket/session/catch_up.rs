//! Reading a user's log wherever a number is missing, until none is; and starting over where the log has been cut.

use postrider_storage::Error;
use serde_json::json;
use tokio::time::Instant;

use super::{End, Session};
use crate::store::log::{self, Entry};
use crate::store::users::{self, Head};

/// Entries read in one go.
const PAGE: i64 = 200;

impl Session {
    /// Reads and delivers rows until there are no more. A database that is away leaves the cursors where they are; the
    /// next round of housekeeping tries again.
    pub(super) async fn catch_up(&mut self) -> Result<(), End> {
        self.behind = false;
        while let Some(lowest) = self.cursors.lowest() {
            let (head, entries) = match self.read(lowest).await {
                Ok(Some(read)) => read,
                Ok(None) => break,
                Err(error) => {
                    tracing::warn!(%error, "a user's log could not be read");
                    self.behind = true;
                    break;
                }
            };
            let other = self.epoch.is_some_and(|epoch| epoch != head.epoch);
            if other || head.log_floor > lowest || lowest > head.nseq {
                let reason = if other { "sequence_restarted" } else { "older_than_retention" };
                return self.resync(&head, reason).await;
            }
            self.epoch = Some(head.epoch);
            let full = i64::try_from(entries.len()).unwrap_or(0) == PAGE;
            for entry in &entries {
                // A long replay to a slow client may outlive its token.
                self.may_go_on().await?;
                self.deliver(entry).await?;
            }
            if !full {
                break;
            }
        }
        self.send_batch().await
    }

    async fn read(&self, after: i64) -> Result<Option<(Head, Vec<Entry>)>, Error> {
        let Some(identity) = self.identity() else { return Ok(None) };
        let (tenant, user) = (&identity.owner.tenant, &identity.owner.user);
        let tx = self.shared.db.tenant(tenant).await?;
        // The entries first: if they are pruned at this moment, the floor read after them tells.
        let (entries, head) = tokio::try_join!(
            biased;
            log::after(&tx, tenant, user, after, PAGE),
            users::find(&tx, tenant, user)
        )?;
        tx.commit().await?;
        Ok(head.map(|head| (head, entries)))
    }

    /// Says that the client must load its state anew, and goes on from the head.
    pub(super) async fn resync(&mut self, head: &Head, reason: &'static str) -> Result<(), End> {
        self.send_batch().await?;
        self.epoch = Some(head.epoch);
        self.cursors.restart(head.nseq, self.account().is_some());
        let mut event = json!({ "reason": reason, "unreadCount": head.unread });
        self.stamp(&mut event, head.nseq, true);
        self.emitter.send("resync_required", &event).await?;
        self.unread.is_told(head.unread);
        self.watermark.note(Instant::now(), self.cursors.complete());
        Ok(())
    }
}
