//! The middle of a run: what arrives is stored in transactions that are full, or do not wait long.

use std::time::Duration;

use parking_lot::Mutex;
use postrider_domain::RunState;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::{Instant, timeout_at};

use super::ahead::{Ahead, Arrival, Ended};
use super::slots::Turn;
use super::{RunLane, STATISTICS_AFTER};
use crate::content::fetched::Fetched;
use crate::engine::apply::Look;
use crate::error::EngineError;
use crate::rules::change::Change;
use crate::rules::slices;
use crate::rules::window::Window;
use crate::store::runs::Step;

/// How long a transaction that is not full waits for more mails.
const LINGER: Duration = Duration::from_millis(250);

impl RunLane<'_> {
    /// Fetches and stores what the listing found and the mirror lacks.
    pub(super) async fn fetch_listed(&mut self, turn: &Turn<'_>) -> Result<(), EngineError> {
        let window = Mutex::new(Window::new(self.run.settled));
        let (send, receive) = mpsc::channel(slices::MAX_MAILS);
        let (run, fetcher) = (self.run.clone(), self.fetcher());
        let ahead = Ahead { lease: self.lease, run, fetcher, window: &window, turn };
        let ((), ended) = tokio::try_join!(Box::pin(self.store(receive, &window)), Box::pin(ahead.fetch(send)))?;
        let state = match ended {
            Ended::Refused(error) => return Err(error.into()),
            Ended::Listing => Some(RunState::Confirming),
            Ended::Slice => None,
        };
        let settled = window.into_inner().settled();
        if state.is_none() && settled <= self.run.settled {
            return Ok(());
        }
        self.step(Step { state, settled, ..Step::default() }, &[]).await
    }

    async fn store(&mut self, mut receive: mpsc::Receiver<Arrival>, window: &Mutex<Window>) -> Result<(), EngineError> {
        let mut batch: Vec<Arrival> = Vec::new();
        let mut bytes = 0;
        let mut flush_at = Instant::now();
        loop {
            let next = match batch.is_empty() {
                true => receive.recv().await.map(Some),
                false => timeout_at(flush_at, receive.recv()).await.map_or(Some(None), |next| next.map(Some)),
            };
            let arrival = match next {
                Some(Some(arrival)) => arrival,
                late_or_closed => {
                    self.store_batch(std::mem::take(&mut batch), window).await?;
                    bytes = 0;
                    if late_or_closed.is_none() {
                        return Ok(());
                    }
                    continue;
                }
            };
            let weight = arrival.fetched.weight();
            if !batch.is_empty() && bytes + weight > slices::MAX_BYTES {
                self.store_batch(std::mem::take(&mut batch), window).await?;
                bytes = 0;
            }
            if batch.is_empty() {
                flush_at = Instant::now() + LINGER;
            }
            batch.push(arrival);
            bytes += weight;
            if batch.len() >= slices::MAX_MAILS || bytes >= slices::MAX_BYTES {
                self.store_batch(std::mem::take(&mut batch), window).await?;
                bytes = 0;
            }
        }
    }

    /// Commits fetched mails; one by one where the database refuses the lot, so that the poison one is parked.
    async fn store_batch(&mut self, mut batch: Vec<Arrival>, window: &Mutex<Window>) -> Result<(), EngineError> {
        if batch.is_empty() {
            return Ok(());
        }
        // Newest first, as they were listed: the newest are told.
        batch.sort_unstable_by_key(|arrival| arrival.position);
        batch.iter().for_each(|arrival| window.lock().settle(arrival.position));
        let settled = window.lock().settled();
        let few = self.run.stored < STATISTICS_AFTER;
        let boundary = self.run.boundary;
        let (looks, room): (Vec<Look>, Vec<OwnedSemaphorePermit>) = batch
            .into_iter()
            .map(|arrival| ((Change::look_at(arrival.id, None, boundary), arrival.fetched), arrival.room))
            .unzip();
        match Box::pin(self.commit_looks(&looks, up_to(settled))).await {
            Err(EngineError::Db(error)) if !error.is_transient() => {
                tracing::error!(%error, mails = looks.len(), "the database refused a batch of mails");
                Box::pin(self.store_singly(looks, settled)).await?;
            }
            done => done?,
        }
        drop(room);
        self.goes_well().await?;
        if few && self.run.stored >= STATISTICS_AFTER {
            self.refresh_statistics().await;
        }
        Ok(())
    }

    async fn store_singly(&mut self, looks: Vec<Look>, settled: i64) -> Result<(), EngineError> {
        let before = self.run.settled;
        let last = looks.len().saturating_sub(1);
        for (n, (change, fetched)) in looks.into_iter().enumerate() {
            // Only with the last one is the place reached that the whole batch would have reached.
            let settled = if n == last { settled } else { before };
            match self.commit_looks(&[(change.clone(), fetched)], up_to(settled)).await {
                Err(EngineError::Db(error)) if !error.is_transient() => {
                    self.commit_looks(&[(change, Fetched::Poison(error.to_string()))], up_to(settled)).await?;
                }
                done => done?,
            }
        }
        Ok(())
    }
}

/// The checkpoint of the fetching.
fn up_to(settled: i64) -> Step {
    Step { settled, ..Step::default() }
}
