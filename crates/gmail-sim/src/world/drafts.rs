//! Drafts and sending. A draft keeps its id; its message id changes with every save.

use super::actions::{Deliver, incoming};
use super::{SimError, World};
use crate::ids::MsgId;
use crate::mailbox::Edit;

/// A saved draft.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct SavedDraft {
    /// Stable id, `r` and digits.
    pub draft_id: String,
    /// Message id of this save.
    pub message_id: MsgId,
}

impl World {
    /// Saves a draft, new or over an older save: one record with the old message deleted and the new one added.
    pub fn save_draft(&self, address: &str, draft: Option<&str>, mail: Deliver) -> Result<SavedDraft, SimError> {
        self.change(address, |mailbox, now| {
            let key = match draft {
                Some(id) => Some(draft_key(id).ok_or_else(|| SimError::UnknownDraft(id.to_owned()))?),
                None => None,
            };
            let old = match key {
                Some(key) => {
                    let missing = || SimError::UnknownDraft(format!("r{key}"));
                    Some(mailbox.drafts.get(&key).copied().ok_or_else(missing)?)
                }
                None => None,
            };
            let thread = mail.thread.or_else(|| old.and_then(|old| Some(mailbox.get(old)?.thread)));
            let mail = Deliver { labels: Some(vec!["DRAFT".to_owned()]), thread, ..mail };
            let (id, meta) = incoming(mailbox, mail, now)?;
            let key = key.unwrap_or_else(|| mailbox.dice.bits() >> 1);
            mailbox.drafts.insert(key, id);
            let edits = old.map(Edit::Remove).into_iter().chain([Edit::Add(id, meta)]).collect();
            Ok((SavedDraft { draft_id: format!("r{key}"), message_id: id }, edits))
        })
    }

    /// Sends a mail, from a draft if one is named (its message is deleted): a new message id with `SENT`. A mail to
    /// oneself is one message that carries `INBOX` and `UNREAD` too.
    pub fn send(&self, address: &str, draft: Option<&str>, mail: Deliver) -> Result<MsgId, SimError> {
        self.change(address, |mailbox, now| {
            let old = match draft {
                Some(id) => {
                    let found = draft_key(id).and_then(|key| mailbox.drafts.remove(&key));
                    Some(found.ok_or_else(|| SimError::UnknownDraft(id.to_owned()))?)
                }
                None => None,
            };
            let to_self = mail.to.as_deref().is_some_and(|to| to.eq_ignore_ascii_case(address));
            let labels: &[&str] = if to_self { &["SENT", "INBOX", "UNREAD"] } else { &["SENT"] };
            let labels = labels.iter().map(|&label| label.to_owned()).collect();
            let thread = mail.thread.or_else(|| old.and_then(|old| Some(mailbox.get(old)?.thread)));
            let (id, meta) = incoming(mailbox, Deliver { labels: Some(labels), thread, ..mail }, now)?;
            let edits = old.map(Edit::Remove).into_iter().chain([Edit::Add(id, meta)]).collect();
            Ok((id, edits))
        })
    }

    /// Ids of all drafts with their current message ids.
    pub fn drafts(&self, address: &str) -> Result<Vec<SavedDraft>, SimError> {
        self.with(address, |mailbox| {
            let saved = |(key, id): (&u64, &MsgId)| SavedDraft { draft_id: format!("r{key}"), message_id: *id };
            mailbox.drafts.iter().map(saved).collect()
        })
    }
}

fn draft_key(id: &str) -> Option<u64> {
    id.strip_prefix('r')?.parse().ok()
}
