//! `mailbox.changed`: notes when an account was last heard of.
//!
//! The effect is a maximum, so that duplicates, replays and disorder change nothing and no inbox is needed; a batch is
//! one statement, however many pushes one busy account sends, and a few for each account whose watch was silent.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use postrider_broker::{Delivered, Handler, Outcome};
use postrider_contracts::Queue;
use postrider_contracts::ingest::MailboxChanged;
use postrider_contracts::topology::CONNECTOR_MAILBOX_CHANGED;
use postrider_domain::{EmailAddress, Timestamp};

use crate::actions::watch::heard;
use crate::error::Error;
use crate::observe;
use crate::state::State;

/// When to try again while the database is away.
const LATER: Duration = Duration::from_secs(10);

/// Folds a batch to the latest push of each address and writes that down at once.
pub struct MailboxChangedHandler {
    state: State,
}

impl MailboxChangedHandler {
    pub fn new(state: State) -> Self {
        Self { state }
    }

    /// In the order of the addresses, so that two batches that share accounts cannot deadlock.
    async fn note(&self, heard: BTreeMap<String, Timestamp>) -> Result<(), Error> {
        if heard.is_empty() {
            return Ok(());
        }
        let moved = heard::note(&self.state, &heard).await?;
        observe::accounts_heard(&self.state.metrics, moved);
        Ok(())
    }
}

#[async_trait]
impl Handler for MailboxChangedHandler {
    fn queue(&self) -> &'static Queue {
        &CONNECTOR_MAILBOX_CHANGED
    }

    async fn handle(&self, batch: &[Delivered]) -> Vec<Outcome> {
        let mut heard = BTreeMap::new();
        let mut outcomes = Vec::with_capacity(batch.len());
        for delivered in batch {
            match read(delivered) {
                Ok((key, at)) => {
                    let latest = heard.entry(key).or_insert(at);
                    *latest = (*latest).max(at);
                    outcomes.push(Outcome::Done);
                }
                Err(reason) => outcomes.push(Outcome::DeadLetter { reason }),
            }
        }
        if let Err(error) = self.note(heard).await {
            tracing::warn!(%error, "cannot note pushes now");
            for outcome in &mut outcomes {
                if *outcome == Outcome::Done {
                    *outcome = Outcome::Retry { after: LATER };
                }
            }
        }
        outcomes
    }
}

/// The account and when: the event's own time, because Google's may be missing.
fn read(delivered: &Delivered) -> Result<(String, Timestamp), String> {
    let event: MailboxChanged = delivered.envelope.decode().map_err(|error| error.to_string())?;
    let address = EmailAddress::parse(&event.email_address).map_err(|error| error.to_string())?;
    Ok((address.lookup_key(), delivered.envelope.time))
}
