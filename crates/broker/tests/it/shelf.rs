//! Queues of a [`LocalBroker`](postrider_broker::local::LocalBroker) that outlive it, and nothing else.

use std::sync::Mutex;
use std::time::Instant;

use async_trait::async_trait;
use postrider_broker::local::{Kept, Settled, Store, StoreError, Taken};
use postrider_contracts::{Envelope, Queue};

/// Rows as a database would hold them.
#[derive(Default)]
pub struct Shelf(Mutex<Rows>);

#[derive(Default)]
struct Rows {
    last: i64,
    rows: Vec<Row>,
    /// The queues whose names begin so do not answer.
    broken: Option<&'static str>,
}

struct Row {
    queue: &'static str,
    kept: Kept,
    due: Instant,
    reason: Option<String>,
}

impl Shelf {
    /// Ids and reasons of the dead letters of a queue.
    pub fn dead(&self, queue: &Queue) -> Vec<(String, String)> {
        let rows = self.0.lock().unwrap();
        let of = |row: &Row| Some((row.kept.envelope.id.to_string(), row.reason.clone()?));
        rows.rows.iter().filter(|row| row.queue == queue.name).filter_map(of).collect()
    }

    /// Messages that wait or are under way.
    pub fn depth(&self, queue: &Queue) -> usize {
        let rows = self.0.lock().unwrap();
        rows.rows.iter().filter(|row| row.queue == queue.name && row.reason.is_none()).count()
    }

    /// Answers nothing from now on, or again.
    pub fn break_down(&self, broken: bool) {
        self.0.lock().unwrap().broken = broken.then_some("");
    }

    /// The queues of one service alone answer nothing from now on.
    pub fn break_down_of(&self, service: &'static str) {
        self.0.lock().unwrap().broken = Some(service);
    }

    /// Lets what waits be due.
    pub fn release(&self) {
        self.0.lock().unwrap().rows.iter_mut().for_each(|row| row.due = Instant::now());
    }

    fn rows(&self, queue: &Queue) -> Result<std::sync::MutexGuard<'_, Rows>, StoreError> {
        let rows = self.0.lock().unwrap();
        if rows.broken.is_some_and(|broken| queue.name.starts_with(broken)) {
            Err(StoreError("broken".to_owned()))
        } else {
            Ok(rows)
        }
    }
}

impl Rows {
    fn put(&mut self, queue: &'static Queue, envelope: Envelope, reason: Option<String>) {
        self.last += 1;
        let kept = Kept { key: self.last, envelope, attempt: 1, deliveries: 0 };
        self.rows.push(Row { queue: queue.name, kept, due: Instant::now(), reason });
    }
}

#[async_trait]
impl Store for Shelf {
    async fn append(&self, events: Vec<(&'static Queue, Envelope)>) -> Result<(), StoreError> {
        let Some((first, _)) = events.first() else { return Ok(()) };
        let mut rows = self.rows(first)?;
        events.into_iter().for_each(|(queue, event)| rows.put(queue, event, None));
        Ok(())
    }

    async fn take(&self, queue: &'static Queue, most: usize) -> Result<Taken, StoreError> {
        let mut rows = self.rows(queue)?;
        let now = Instant::now();
        let dead = rows.rows.iter().filter(|row| row.queue == queue.name && row.reason.is_some()).count();
        let own = rows.rows.iter_mut().filter(|row| row.queue == queue.name && row.reason.is_none());
        let (due, later): (Vec<_>, Vec<_>) = own.partition(|row| row.due <= now);
        let next = later.iter().map(|row| row.due.saturating_duration_since(now)).min();
        let take = |row: &mut Row| {
            row.kept.deliveries += 1;
            row.kept.clone()
        };
        let messages = due.into_iter().take(most).map(take).collect();
        Ok(Taken { messages, next, dead: dead.try_into().unwrap() })
    }

    async fn settle(&self, queue: &'static Queue, settled: Vec<(i64, Settled)>) -> Result<(), StoreError> {
        let mut rows = self.rows(queue)?;
        for (key, what) in settled {
            let Some(row) = rows.rows.iter_mut().find(|row| row.kept.key == key) else { continue };
            match what {
                Settled::Done => rows.rows.retain(|row| row.kept.key != key),
                Settled::Again => {}
                Settled::Later { after, attempt } => {
                    (row.due, row.kept.attempt, row.kept.deliveries) = (Instant::now() + after, attempt, 0);
                }
                Settled::Dead { attempt, reason } => (row.kept.attempt, row.reason) = (attempt, Some(reason)),
            }
        }
        Ok(())
    }

    async fn bury(&self, queue: &'static Queue, event: Envelope, reason: String) -> Result<(), StoreError> {
        self.rows(queue)?.put(queue, event, Some(reason));
        Ok(())
    }
}
