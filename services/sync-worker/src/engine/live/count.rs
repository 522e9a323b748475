//! The count of mails beside Gmail's: what vanished from the mirror, or a deletion that no record told of, shows within
//! minutes and not with the audit of the day.

use postrider_domain::RunId;
use postrider_gmail::Lane;

use super::LiveLane;
use crate::error::EngineError;
use crate::rules::recount::{self, Outcome};
use crate::store::mailboxes::{self, Mailbox};
use crate::store::{emails, parked, runs};

impl LiveLane<'_> {
    /// Compares, if it is time to and nothing moves: 1 unit.
    pub(super) async fn compare_counts(&self, mailbox: &Mailbox) -> Result<(), EngineError> {
        let now = self.lease.parts.now();
        let Some(standing) = mailbox.standing() else { return Ok(()) };
        // Of a mailbox that is wanted from a day on nobody knows how many that are.
        let whole = mailbox.first_synced_at.is_some() && mailbox.sync_since().is_none();
        let still = whole && mailbox.look_back_at.is_none();
        if !still || !recount::is_due(mailbox.counted(), &standing, mailbox.last_entry_at, now) {
            return Ok(());
        }
        let guard = self.lease.guard();
        let mut tx = self.lease.tenant().await?;
        let at_work = runs::find_active(&mut tx, &guard).await?.is_some();
        // What is parked may be there or not.
        let open = at_work || !parked::list_ids(&tx, &guard, 1).await?.is_empty();
        let mirror = match open {
            true => None,
            false => u64::try_from(emails::count_alive(&tx, &[guard.connector]).await?).ok(),
        };
        tx.commit().await?;
        let Some(mirror) = mirror else { return Ok(()) };
        let profile = self.lease.gmail(Lane::Repair).profile().await?;
        // A mail that came meanwhile is in one of the two.
        if profile.history_id > standing.seen_head {
            return Ok(());
        }
        let outcome = recount::compare(mailbox.counted(), profile.messages_total, mirror, now);
        let tx = self.lease.tenant().await?;
        mailboxes::counted(&tx, &guard, outcome, now).await?;
        if outcome == Outcome::Audit {
            let id = RunId(self.lease.parts.seams.ids.uuid());
            runs::schedule_audit(&tx, &guard.tenant, guard.connector, id, now).await?;
            let (connector, gmail) = (guard.connector, profile.messages_total);
            tracing::warn!(connector.id = %connector, gmail, mirror, "the mirror's count is not Gmail's: it is audited");
        }
        tx.commit().await?;
        self.lease.parts.metrics.count_checks.with_label_values(&[outcome.as_str()]).inc();
        Ok(())
    }
}
