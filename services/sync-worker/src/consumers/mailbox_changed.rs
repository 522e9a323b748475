//! `mailbox.changed`: a push becomes a row of the queue and a mark on each mailbox with its address. Repeated pushes
//! are recognised by their source message, whatever event carries them.

use async_trait::async_trait;
use postrider_broker::{Delivered, Handler, Outcome};
use postrider_contracts::ingest::MailboxChanged;
use postrider_contracts::topology::SYNC_WORKER_MAILBOX_CHANGED;
use postrider_contracts::{Queue, TraceContext};
use postrider_domain::{ConnectorId, EmailAddress, HistoryId, Timestamp};
use postrider_runtime::telemetry::span;

use crate::state::State;
use crate::store::queue::{self, Push};

/// Marks mailboxes.
pub struct MailboxChangedHandler {
    state: State,
}

impl MailboxChangedHandler {
    pub fn new(state: State) -> Self {
        Self { state }
    }

    fn read(&self, delivered: &Delivered) -> Result<Push, String> {
        let message: MailboxChanged = delivered.envelope.decode().map_err(|error| error.to_string())?;
        let address = EmailAddress::parse(&message.email_address).map_err(|error| error.to_string())?;
        if message.source_message_id.is_empty() {
            return Err("the push names no source message".to_owned());
        }
        // From here on the push is a row: its trace goes with it, to the work it causes.
        let trace = delivered.envelope.trace.unwrap_or_else(|| TraceContext::start(self.state.seams.entropy.as_ref()));
        Ok(Push {
            seed: self.state.seams.ids.uuid(),
            address_key: address.lookup_key(),
            history_id: HistoryId(message.history_id),
            source_message_id: postrider_domain::text::without_nul(message.source_message_id),
            source: if message.source.is_empty() { "pubsub".to_owned() } else { message.source },
            published_at: Timestamp::from_timestamp_millis(message.published_at_ms)
                .filter(|_| message.published_at_ms > 0),
            trace: Some(trace),
        })
    }

    async fn write(&self, pushes: &[Push]) -> Result<Vec<ConnectorId>, postrider_storage::Error> {
        let mut tx = self.state.db.system().await?;
        let marked = queue::enqueue(&mut tx, pushes, self.state.seams.clock.now()).await?;
        tx.commit().await?;
        Ok(marked)
    }
}

/// A line under the push's own trace: a batch holds many, and several pushes may end in one look at a mailbox.
fn tell(push: &Push) {
    let Some(trace) = push.trace else { return };
    span::consume(SYNC_WORKER_MAILBOX_CHANGED.name, trace).in_scope(|| {
        tracing::info!(push.id = push.source_message_id, history.id = %push.history_id, "took a push");
    });
}

#[async_trait]
impl Handler for MailboxChangedHandler {
    fn queue(&self) -> &'static Queue {
        &SYNC_WORKER_MAILBOX_CHANGED
    }

    async fn handle(&self, batch: &[Delivered]) -> Vec<Outcome> {
        let read: Vec<Result<Push, String>> = batch.iter().map(|delivered| self.read(delivered)).collect();
        let pushes: Vec<Push> = read.iter().flatten().cloned().collect();
        let written = self.write(&pushes).await;
        match &written {
            Ok(marked) => {
                self.state.metrics.pushes.with_label_values(&["taken"]).inc_by(pushes.len() as u64);
                self.state.metrics.pushes.with_label_values(&["marked"]).inc_by(marked.len() as u64);
                self.state.engine.wakes().marked(marked);
                pushes.iter().for_each(tell);
            }
            Err(error) => tracing::warn!(%error, pushes = pushes.len(), "pushes cannot be written now"),
        }
        let outcome = |(push, delivered): (Result<Push, String>, &Delivered)| match (push, &written) {
            (Err(reason), _) => Outcome::DeadLetter { reason },
            (Ok(_), Ok(_)) => Outcome::Done,
            (Ok(_), Err(_)) => Outcome::after_outage(delivered.attempt),
        };
        read.into_iter().zip(batch).map(outcome).collect()
    }
}
