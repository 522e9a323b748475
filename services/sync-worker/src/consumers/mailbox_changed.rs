//! `mailbox.changed`: a push becomes a row of the queue and a mark on each mailbox with its address. Repeated pushes
//! are recognised by their source message, whatever event carries them.

use async_trait::async_trait;
use futures_util::{StreamExt, stream};
use postrider_broker::{Delivered, Handler, Outcome};
use postrider_contracts::ingest::MailboxChanged;
use postrider_contracts::topology::SYNC_WORKER_MAILBOX_CHANGED;
use postrider_contracts::{Queue, TraceContext};
use postrider_domain::{ConnectorId, EmailAddress, HistoryId, Timestamp};
use postrider_runtime::telemetry::span;
use postrider_storage::Error;

use crate::state::State;
use crate::store::queue::{self, Busy, Enqueued, Push};

/// Mailboxes that are held by somebody and waited for at the same time.
const HELD_AT_ONCE: usize = 4;

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

    /// Writes pushes, and says of each what became of it.
    async fn write(&self, pushes: &[Push]) -> Vec<Written> {
        match self.write_together(pushes).await {
            Ok(written) => written,
            // One that the database refuses must not hold up the others for ever.
            Err(error) if !error.is_transient() && pushes.len() > 1 => {
                tracing::warn!(%error, pushes = pushes.len(), "the database refused a batch of pushes");
                let mut written = Vec::with_capacity(pushes.len());
                for push in pushes {
                    written.push(
                        self.write_alone(push).await.map_or_else(|error| Written::of(&error), |()| Written::Durable),
                    );
                }
                written
            }
            Err(error) => pushes.iter().map(|_| Written::of(&error)).collect(),
        }
    }

    async fn write_alone(&self, push: &Push) -> Result<(), Error> {
        let tx = self.state.db.system().await?;
        let marked = queue::enqueue(&tx, std::slice::from_ref(push), self.state.seams.clock.now()).await?;
        tx.commit().await?;
        self.marked(&marked);
        Ok(())
    }

    /// First all mailboxes that nobody holds, then those that were held, each in a transaction of its own.
    async fn write_together(&self, pushes: &[Push]) -> Result<Vec<Written>, Error> {
        let now = self.state.seams.clock.now();
        let tx = self.state.db.system().await?;
        let Enqueued { marked, busy } = queue::enqueue_unheld(&tx, pushes, now).await?;
        tx.commit().await?;
        self.marked(&marked);
        let waiting: Vec<_> = busy.into_iter().map(|mailbox| self.write_held(mailbox, pushes, now)).collect();
        let mut waiting = stream::iter(waiting).buffer_unordered(HELD_AT_ONCE);
        let mut failed: Vec<(Busy, Error)> = Vec::new();
        while let Some((mailbox, written)) = waiting.next().await {
            match written {
                Ok(marked) => self.marked(&marked),
                Err(error) if error.is_transient() => failed.push((mailbox, error)),
                Err(error) => return Err(error),
            }
        }
        let of = |push: &Push| failed.iter().find(|(mailbox, _)| mailbox.address_key == push.address_key);
        Ok(pushes.iter().map(|push| of(push).map_or(Written::Durable, |(_, error)| Written::of(error))).collect())
    }

    /// Writes the pushes of one mailbox once nobody holds it.
    async fn write_held(
        &self,
        mailbox: Busy,
        pushes: &[Push],
        now: Timestamp,
    ) -> (Busy, Result<Vec<ConnectorId>, Error>) {
        let of_it: Vec<Push> = pushes.iter().filter(|push| push.address_key == mailbox.address_key).cloned().collect();
        let written = async {
            let tx = self.state.db.system().await?;
            let marked = queue::enqueue_for(&tx, mailbox.connector, &of_it, now).await?;
            tx.commit().await?;
            Ok(marked)
        };
        let written = written.await;
        (mailbox, written)
    }

    fn marked(&self, marked: &[ConnectorId]) {
        self.state.metrics.pushes.with_label_values(&["marked"]).inc_by(marked.len() as u64);
        self.state.engine.wakes().marked(marked);
    }
}

/// What became of a push.
enum Written {
    Durable,
    /// The database, or the mailbox, cannot take it now.
    NotNow,
    /// The database never takes it.
    Refused(String),
}

impl Written {
    fn of(error: &Error) -> Self {
        match error.is_transient() {
            true => Self::NotNow,
            false => Self::Refused(format!("the database refused it: {error}")),
        }
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
        let mut written = self.write(&pushes).await.into_iter();
        let mut taken = 0;
        let mut outcome = |(push, delivered): (Result<Push, String>, &Delivered)| match push {
            Err(reason) => Outcome::DeadLetter { reason },
            Ok(push) => match written.next() {
                Some(Written::Durable) => {
                    taken += 1;
                    tell(&push);
                    Outcome::Done
                }
                Some(Written::Refused(reason)) => Outcome::DeadLetter { reason },
                Some(Written::NotNow) | None => Outcome::after_outage(delivered.attempt),
            },
        };
        let outcomes: Vec<Outcome> = read.into_iter().zip(batch).map(&mut outcome).collect();
        if taken < pushes.len() {
            tracing::warn!(taken, pushes = pushes.len(), "not all pushes could be written now");
        }
        self.state.metrics.pushes.with_label_values(&["taken"]).inc_by(u64::try_from(taken).unwrap_or(0));
        outcomes
    }
}
