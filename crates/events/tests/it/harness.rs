//! A publisher that can be told to fail.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use postrider_broker::{BrokerState, PublishError, Publisher};
use postrider_contracts::{Envelope, Queue};

/// Keeps what was published; refuses keys it was told to refuse.
#[derive(Default)]
pub struct FakeBroker {
    pub published: Mutex<Vec<Envelope>>,
    pub refused: Mutex<HashSet<String>>,
    pub down: Mutex<bool>,
    /// Queue, event and reason of dead letters.
    pub dead: Mutex<Vec<(&'static str, Envelope, String)>>,
    /// Calls that panic before the others work.
    pub panics: Mutex<u32>,
}

impl FakeBroker {
    pub fn seqs(&self) -> Vec<i64> {
        self.published.lock().unwrap().iter().filter_map(|e| e.position.as_ref().map(|p| p.seq)).collect()
    }

    pub fn set_down(&self, down: bool) {
        *self.down.lock().unwrap() = down;
    }
}

#[async_trait]
impl Publisher for FakeBroker {
    async fn publish(&self, batch: Vec<Envelope>) -> Vec<Result<(), PublishError>> {
        let panics = self.panics.lock().unwrap().checked_sub(1);
        if let Some(left) = panics {
            *self.panics.lock().unwrap() = left;
            panic!("told to");
        }
        let refused = self.refused.lock().unwrap().clone();
        let down = *self.down.lock().unwrap();
        batch
            .into_iter()
            .map(|event| {
                if down {
                    return Err(PublishError::Unavailable);
                }
                if refused.contains(&event.event_type) {
                    return Err(PublishError::Nacked);
                }
                self.published.lock().unwrap().push(event);
                Ok(())
            })
            .collect()
    }

    async fn dead_letter(&self, queue: &'static Queue, event: Envelope, reason: String) -> Result<(), PublishError> {
        if *self.down.lock().unwrap() {
            return Err(PublishError::Unavailable);
        }
        self.dead.lock().unwrap().push((queue.name, event, reason));
        Ok(())
    }

    fn state(&self) -> BrokerState {
        if *self.down.lock().unwrap() { BrokerState::Down } else { BrokerState::Ready }
    }
}

pub type SharedBroker = Arc<FakeBroker>;
