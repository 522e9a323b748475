//! What a session has been hinted and not looked at yet. Bounded: beyond the bound it only remembers that it is
//! behind, because the rows can be read.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::Hint;

/// Hints kept for a session that is busy.
const MAX: usize = 64;

/// The hint buffer of one session.
#[derive(Debug, Default)]
pub struct HintBuffer {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Arc<Hint>>,
    behind: bool,
}

impl HintBuffer {
    /// Adds a hint and wakes the session.
    pub fn push(&self, hint: Arc<Hint>) {
        {
            let mut state = self.state.lock();
            if state.waiting.len() >= MAX {
                state.waiting.clear();
                state.behind = true;
            }
            if !state.behind {
                state.waiting.push_back(hint);
            }
        }
        self.changed.notify_one();
    }

    /// Tells the session to read the rows: hints may have been lost.
    pub fn fall_behind(&self) {
        self.state.lock().behind = true;
        self.changed.notify_one();
    }

    /// Takes everything; the flag says that rows must be read.
    pub fn take(&self) -> (Vec<Arc<Hint>>, bool) {
        let mut state = self.state.lock();
        let behind = std::mem::take(&mut state.behind);
        (state.waiting.drain(..).collect(), behind)
    }

    /// Waits until there is something to take.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use postrider_domain::{TenantId, Timestamp, UserId};
    use uuid::Uuid;

    #[test]
    fn a_flood_leaves_only_the_knowledge_of_being_behind() {
        let hints = HintBuffer::default();
        for nseq in 1..=1_000 {
            let (tenant, user) = (TenantId::parse("t").unwrap(), UserId::parse("u").unwrap());
            let at = Timestamp::default();
            hints.push(Arc::new(Hint {
                tenant,
                user,
                epoch: Uuid::nil(),
                nseq,
                at,
                entry: None,
                trace: None,
                from: None,
            }));
        }
        let (waiting, behind) = hints.take();
        assert!(behind && waiting.len() <= MAX);
        assert_eq!(hints.take(), (Vec::new(), false));
    }
}
