//! The true state of a mailbox, which a mirror is compared with.

use std::collections::{BTreeMap, BTreeSet};

use super::{SimError, World};
use crate::mailbox::HistoryRecord;

/// One message as it truly is, whatever a lagging reader may see.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Truth {
    /// Label ids.
    pub labels: BTreeSet<String>,
    pub thread_id: String,
    pub history_id: u64,
    /// Milliseconds since 1970.
    pub internal_date: i64,
}

impl World {
    /// All messages of a mailbox by message id, spam and trash included.
    pub fn truth(&self, address: &str) -> Result<BTreeMap<String, Truth>, SimError> {
        self.with(address, |mailbox| {
            mailbox
                .iter()
                .map(|(id, meta)| {
                    let truth = Truth {
                        labels: mailbox.labels.ids(&meta.labels).into_iter().collect(),
                        thread_id: meta.thread.to_string(),
                        history_id: meta.history_id,
                        internal_date: meta.internal_date,
                    };
                    (id.to_string(), truth)
                })
                .collect()
        })
    }

    /// Every history record that is kept, hidden ones too, in the order of ids.
    pub fn true_history(&self, address: &str) -> Result<Vec<HistoryRecord>, SimError> {
        self.with(address, |mailbox| mailbox.true_history())
    }

    /// How often the mailbox was created anew.
    pub fn generation(&self, address: &str) -> Result<u32, SimError> {
        self.with(address, |mailbox| mailbox.generation)
    }
}
