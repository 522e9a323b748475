//! Replays in batches, for clients that ask for them (`replay: "batch"`): what was missed comes as `replay` events of many
//! entries, and the next one is sent once the client has acknowledged the last.

use serde_json::{Value, json};

use super::{End, Session};

/// Entries of one batch.
const MOST: usize = 100;
/// Of entries that are long, fewer: a batch is one packet.
const BYTES: usize = 64 * 1024;

/// What is replayed and was not sent yet.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// The client wants batches.
    pub(super) wanted: bool,
    entries: Vec<Value>,
    bytes: usize,
}

impl Batch {
    /// Keeps an entry. Whether the batch is full.
    fn add(&mut self, event: &str, data: Value) -> bool {
        self.bytes += data.to_string().len();
        self.entries.push(json!({ "event": event, "data": data }));
        self.entries.len() >= MOST || self.bytes >= BYTES
    }

    fn take(&mut self) -> Option<Value> {
        self.bytes = 0;
        let entries = std::mem::take(&mut self.entries);
        (!entries.is_empty()).then(|| json!({ "events": entries }))
    }
}

impl Session {
    /// Sends an entry: by itself, or with others of a replay.
    pub(super) async fn send(&mut self, event: &str, data: Value, replayed: bool) -> Result<(), End> {
        if replayed && self.batch.wanted {
            return if self.batch.add(event, data) { self.send_batch().await } else { Ok(()) };
        }
        self.send_batch().await?;
        Ok(self.emitter.send(event, &data).await?)
    }

    /// Sends what is gathered, and waits until the client has it. One that never says so is cut, and comes back to where it
    /// was.
    pub(super) async fn send_batch(&mut self) -> Result<(), End> {
        let Some(batch) = self.batch.take() else { return Ok(()) };
        tokio::select! {
            biased;
            () = self.gone.cancelled() => Err(End::Gone),
            () = self.shared.sockets.leaving.cancelled() => Err(End::Leaving),
            taken = self.emitter.send_and_wait("replay", &batch) => Ok(taken?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_full_by_number_or_by_size() {
        let mut batch = Batch::default();
        assert_eq!(batch.take(), None);
        assert!((1..MOST).all(|_| !batch.add("e", json!({}))) && batch.add("e", json!({ "n": 1 })));
        let taken = batch.take().unwrap();
        assert_eq!((taken["events"].as_array().unwrap().len(), batch.take()), (MOST, None));
        assert_eq!(taken["events"][MOST - 1], json!({ "event": "e", "data": { "n": 1 } }));
        assert!(batch.add("e", json!("x".repeat(BYTES))));
    }
}
