//! Names of labels: Gmail's history and mails carry ids only.

use std::collections::HashMap;
use std::sync::PoisonError;

use postrider_domain::{LabelId, MessageId};
use postrider_gmail::HistoryRecord;
use postrider_gmail::Lane;

use super::fetch::Answer;
use super::live::Pass;
use super::session::Session;
use crate::error::EngineError;
use crate::store::{labels, mailboxes};

impl Session<'_> {
    /// Asks for the names before the first mail is stored and told under a label that has none yet; once in a pass,
    /// because Gmail may not list it either.
    pub(super) async fn name_labels(
        &self,
        pass: &mut Pass,
        records: &[HistoryRecord],
        answers: &HashMap<MessageId, Answer>,
    ) {
        if pass.labels_read {
            return;
        }
        let names = self.names();
        let unnamed = |label: &LabelId| {
            !postrider_domain::labels::is_system(label.as_str()) && !names.contains_key(label.as_str())
        };
        let mut put_on = records.iter().flat_map(|record| &record.labels_added).flat_map(|change| &change.labels);
        if put_on.any(unnamed) || answers.values().flat_map(Answer::labels).any(unnamed) {
            pass.labels_read = true;
            Box::pin(self.read_labels()).await;
        }
    }

    /// Reads the labels' names. A failure is not worth stopping mail for: ids are shown meanwhile.
    pub(super) async fn read_labels(&self) {
        let read = async {
            let listed = self.lane(Lane::Live).labels().await?;
            let guard = self.guard();
            let now = self.now();
            let (mut tx, _) = self.locked(&guard).await?;
            labels::replace(&mut tx, &guard, &listed, now).await?;
            mailboxes::labels_read(&mut tx, &guard, now).await?;
            let names = labels::names(&tx, &guard).await?;
            tx.commit().await?;
            *self.names.lock().unwrap_or_else(PoisonError::into_inner) = names.into();
            Ok::<(), EngineError>(())
        };
        if let Err(error) = read.await {
            tracing::warn!(%error, "labels cannot be read now");
        }
    }
}
