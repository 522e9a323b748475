//! How a mailbox's history ids are to be read: what a version may be, and whether ids can be compared at all.

use postrider_domain::{HistoryId, Version};

/// What the mailbox's row says about its ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ids {
    pub generation: i32,
    /// Answers are taken as they are and not compared: Gmail tells ids below those it told before, or has been asked often
    /// enough.
    pub take: bool,
    /// The greatest version a fetch may give, where records can have lower ids than the mails they are about: a head that
    /// was known before the fetch, so that what comes later counts.
    pub cap: Option<HistoryId>,
}

impl Ids {
    /// Ids that rise, as they nearly always do.
    pub fn rising(generation: i32) -> Self {
        Self { generation, take: false, cap: None }
    }

    pub fn version(&self, history_id: HistoryId) -> Version {
        Version::new(self.generation, history_id)
    }

    /// The id that counts as the state of an answer with this one.
    pub fn capped(&self, told: HistoryId) -> HistoryId {
        self.cap.map_or(told, |cap| told.min(cap))
    }

    /// The same, with answers taken as they are.
    pub fn taking(self) -> Self {
        Self { take: true, ..self }
    }
}
