//! Fills a new mailbox with synthetic mail: metadata only, content is written when asked for.

use chrono::TimeDelta;
use postrider_domain::Timestamp;

use super::{Mailbox, Meta, Source};
use crate::dice::Dice;
use crate::ids::MsgId;
use crate::labels::LabelSet;

/// User labels of every synthetic mailbox; `Work/Invoices` is nested, the last name is not ASCII.
pub(super) const USER_LABELS: [&str; 6] = ["Work", "Work/Invoices", "Family", "Travel", "Receipts", "Übersetzung"];

impl Mailbox {
    /// Adds `size` messages spread over the two years before `now`, without history records.
    pub fn fill(&mut self, size: u32, now: Timestamp) {
        let span = TimeDelta::days(730).num_milliseconds();
        let newest = now.timestamp_millis() - 60_000;
        let step = (span / i64::from(size.max(1))).max(2);
        let mut open: Vec<MsgId> = Vec::new();
        for index in 0..size {
            let jitter = i64::try_from(self.dice.below(step.unsigned_abs())).unwrap_or(0);
            let internal_date = newest - i64::from(size - 1 - index) * step - jitter;
            let noise = self.dice.bits();
            let id = MsgId::after(self.last_id, internal_date, noise);
            self.last_id = id;
            let thread = if self.dice.chance(0.35) { self.dice.pick(&open) } else { MsgId::default() };
            let thread = if thread == MsgId::default() { id } else { thread };
            if thread == id {
                if open.len() >= 40 {
                    open.remove(0);
                }
                open.push(id);
            }
            self.head += self.dice.between(1, 5);
            let labels = labels_of(&mut self.dice);
            if labels.has(crate::labels::DRAFT) {
                let draft = self.dice.bits() >> 1;
                self.drafts.insert(draft, id);
            }
            let made = self.next_made();
            let source = Source::Made { index: made, note: None };
            self.put(id, Meta { thread, history_id: self.head, internal_date, labels, source });
        }
        self.head += self.dice.between(1, 5);
        self.floor = self.head;
    }
}

/// Labels in proportions like those of a busy private mailbox.
fn labels_of(dice: &mut Dice) -> LabelSet {
    use crate::labels::{DRAFT, INBOX, SENT, SPAM, TRASH, UNREAD};
    const STARRED: u16 = 6;
    const IMPORTANT: u16 = 7;
    const CATEGORIES: [u16; 5] = [9, 10, 11, 12, 13];
    const FIRST_USER: u16 = 14;
    let kind = dice.below(1_000);
    let mut labels: Vec<u16> = match kind {
        0..120 => vec![SENT],
        120..125 => return [DRAFT].into_iter().collect(),
        125..155 => vec![SPAM],
        155..180 => vec![TRASH, dice.pick(&CATEGORIES)],
        180..800 => vec![INBOX, dice.pick(&CATEGORIES)],
        // Archived: in All Mail only.
        _ => vec![dice.pick(&CATEGORIES)],
    };
    let user = FIRST_USER + u16::try_from(dice.below(USER_LABELS.len() as u64)).unwrap_or(0);
    for (label, share) in [(UNREAD, 0.25), (STARRED, 0.03), (IMPORTANT, 0.15), (user, 0.2)] {
        if dice.chance(share) && !(label == UNREAD && kind < 120) {
            labels.push(label);
        }
    }
    labels.into_iter().collect()
}
