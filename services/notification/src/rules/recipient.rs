//! Whom an event concerns: everything of a user that a rule may look at.

use postrider_domain::Timestamp;

use super::account::Account;
use super::decision::{Occasion, Verdict, against, decide};
use super::draft::Draft;
use super::kind::Kind;
use super::preferences::Preferences;

/// The account's owner, as known when the event is judged.
#[derive(Debug, Clone)]
pub struct Recipient {
    pub account: Account,
    /// What is in force for the owner and this account.
    pub preferences: Preferences,
    /// Time of the event.
    pub at: Timestamp,
    /// Time of the decision: quiet hours and switches are those of now, however late the event is.
    pub now: Timestamp,
}

impl Recipient {
    /// Whether the event belongs to an account whose owner asked for its erasure. An event younger than what we know
    /// may come from a later connection, so it counts.
    pub fn is_erased(&self) -> bool {
        self.account.is_erased() && self.at <= self.account.version_at
    }

    /// Whether rows of this kind are wanted.
    pub fn wants(&self, kind: Kind) -> bool {
        self.preferences.wants(kind)
    }

    /// There is a row, because of `reason`.
    pub fn tell(&self, draft: Draft, reason: &'static str) -> Verdict {
        let event =
            Occasion { kind: draft.kind, reason, silenced: draft.silenced, alarm: draft.alarm, ours: draft.ours };
        let decisions = decide(self.now, &self.preferences, event);
        Verdict::Raise(Box::new(Draft { decisions, ..draft }))
    }

    /// There is no row, because of `reason`.
    pub fn withhold(&self, kind: Kind, business_key: String, reason: &'static str) -> Verdict {
        Verdict::Suppress { kind, business_key, decision: against(reason, &self.preferences, self.now) }
    }
}
