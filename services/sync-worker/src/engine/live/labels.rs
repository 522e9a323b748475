//! Names of labels: Gmail's history and mails carry ids only.

use std::collections::HashMap;

use chrono::TimeDelta;
use postrider_domain::MessageId;
use postrider_gmail::{HistoryRecord, Lane};

use super::{LiveLane, Pass};
use crate::content::fetched::Fetched;
use crate::engine::apply::Commit;
use crate::error::EngineError;
use crate::rules::flags::is_unnamed;
use crate::store::mailboxes::Mailbox;
use crate::store::{labels, mailboxes};

impl LiveLane<'_> {
    /// Asks for the names before the first mail is stored and told under a label that has none yet; once in a pass,
    /// because Gmail may not list it either.
    pub(super) async fn name_labels(
        &self,
        pass: &mut Pass,
        records: &[HistoryRecord],
        fetched: &HashMap<MessageId, Fetched>,
    ) {
        if pass.labels_read {
            return;
        }
        let names = self.lease.names();
        let put_on = records.iter().flat_map(|record| &record.labels_added).flat_map(|change| &change.labels);
        if put_on.chain(fetched.values().flat_map(Fetched::labels)).any(|label| is_unnamed(label, &names)) {
            pass.labels_read = true;
            self.read_labels().await;
        }
    }

    /// Gmail tells of no rename, deletion or colour: the list is read as often as the mailbox is polled, and polls come up
    /// to a tenth early.
    pub(super) fn labels_are_old(&self, mailbox: &Mailbox) -> bool {
        let interval = self.lease.interval(mailbox.poll_interval_seconds, mailbox.push_until);
        let age = TimeDelta::from_std(interval.mul_f64(0.85)).unwrap_or(TimeDelta::days(1));
        mailbox.labels_synced_at.is_none_or(|at| self.lease.parts.now() - at >= age)
    }

    /// Reads the labels' names. A failure is not worth stopping mail for: ids are shown meanwhile.
    pub(super) async fn read_labels(&self) {
        let read = async {
            let listed = self.lease.gmail(Lane::Live).labels().await?;
            let mut commit = Commit::begin(self.lease, self.lease.guard(), self.lease.own_cause()).await?;
            let Commit { tx, guard, now, .. } = &mut commit;
            labels::replace(tx, guard, &listed, *now).await?;
            mailboxes::labels_read(tx, guard, *now).await?;
            let names = labels::names(tx, guard).await?;
            commit.end().await?;
            self.lease.set_names(names);
            Ok::<(), EngineError>(())
        };
        if let Err(error) = Box::pin(read).await {
            tracing::warn!(%error, "labels cannot be read now");
        }
    }
}
