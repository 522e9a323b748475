//! Gmail's calls as plain functions: typed answers, Gmail's errors, no HTTP. The HTTP layer adds tokens, quotas and
//! JSON; a test may call these directly.

use super::{SimError, World};
use crate::content::Letter;
use crate::error::ApiError;
use crate::ids::MsgId;
use crate::labels::Label;
use crate::mailbox::{Edit, Gaps, HistoryPage, HistoryQuery, ListQuery, Mailbox, MessagePage};
use crate::world::actions::{Deliver, incoming, set};

/// `users.getProfile`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    pub email_address: String,
    pub messages_total: usize,
    pub threads_total: usize,
    /// The mailbox's current history id; may run ahead of what `history.list` shows.
    pub history_id: u64,
}

/// A message found by `messages.get`. [`Letter::render`] writes its bytes, outside any lock.
#[derive(Debug, Clone)]
pub struct Found {
    pub id: MsgId,
    pub thread: MsgId,
    pub history_id: u64,
    /// Milliseconds since 1970.
    pub internal_date: i64,
    pub labels: Vec<String>,
    pub letter: Letter,
    /// What the answer lacks though the message has it.
    pub gaps: Gaps,
}

/// `labels.get`: a label with its counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelCounts {
    pub label: Label,
    pub messages_total: usize,
    pub messages_unread: usize,
}

impl World {
    /// `users.getProfile`.
    pub fn profile(&self, address: &str) -> Result<Profile, ApiError> {
        let now = self.now();
        self.call(address, |mailbox| {
            let view = mailbox.look(now);
            Ok(Profile {
                email_address: mailbox.address.to_string(),
                messages_total: mailbox.len_in(view),
                threads_total: mailbox.threads(),
                history_id: mailbox.head_in(view),
            })
        })
    }

    /// `users.messages.list`.
    pub fn list_messages(&self, address: &str, query: &ListQuery) -> Result<MessagePage, ApiError> {
        let now = self.now();
        self.call(address, |mailbox| mailbox.list(query, now))
    }

    /// `users.messages.get`: 404 if the message is gone or not visible yet.
    pub fn get_message(&self, address: &str, id: MsgId) -> Result<Found, ApiError> {
        let now = self.now();
        self.call(address, |mailbox| {
            let view = mailbox.look(now);
            let meta = mailbox.visible(id, view).ok_or_else(ApiError::not_found)?;
            Ok(Found {
                gaps: mailbox.gaps(id, &meta, now),
                id,
                thread: meta.thread,
                history_id: meta.history_id,
                internal_date: meta.internal_date,
                labels: mailbox.labels.ids(&meta.labels),
                letter: mailbox.letter(id, &meta),
            })
        })
    }

    /// `users.history.list`.
    pub fn history_list(&self, address: &str, query: &HistoryQuery) -> Result<HistoryPage, ApiError> {
        let now = self.now();
        self.call(address, |mailbox| mailbox.history(query, now))
    }

    /// `users.labels.list`: no counts, as Gmail gives none here.
    pub fn labels_list(&self, address: &str) -> Result<Vec<Label>, ApiError> {
        self.call(address, |mailbox| Ok(mailbox.labels.iter().map(|(_, label)| label.clone()).collect()))
    }

    /// `users.labels.get`.
    pub fn label(&self, address: &str, id: &str) -> Result<LabelCounts, ApiError> {
        self.call(address, |mailbox| {
            let ix = mailbox.labels.find(id).ok_or_else(ApiError::not_found)?;
            let label = mailbox.labels.iter().find(|(at, _)| *at == ix).map(|(_, label)| label.clone());
            let carrying = || mailbox.iter().filter(|(_, meta)| meta.labels.has(ix));
            Ok(LabelCounts {
                label: label.ok_or_else(ApiError::not_found)?,
                messages_total: carrying().count(),
                messages_unread: carrying().filter(|(_, meta)| meta.labels.has(crate::labels::UNREAD)).count(),
            })
        })
    }

    /// `users.messages.modify`, `trash`, `untrash`: gives the message after the change.
    pub fn modify(&self, address: &str, id: MsgId, add: &[String], remove: &[String]) -> Result<Found, ApiError> {
        let now = self.now();
        self.call(address, |mailbox| {
            let view = mailbox.look(now);
            mailbox.visible(id, view).map(drop).ok_or_else(ApiError::not_found)?;
            let (add, remove) = (set(mailbox, add).map_err(bad_label)?, set(mailbox, remove).map_err(bad_label)?);
            if let Some(touched) = mailbox.commit(now, vec![Edit::Relabel { id, add, remove }]) {
                self.note_change(mailbox, Some(&touched), now);
            }
            let meta = mailbox.get(id).ok_or_else(ApiError::not_found)?;
            Ok(Found {
                gaps: Gaps::default(),
                id,
                thread: meta.thread,
                history_id: meta.history_id,
                internal_date: meta.internal_date,
                labels: mailbox.labels.ids(&meta.labels),
                letter: mailbox.letter(id, meta),
            })
        })
        .inspect(|_| self.wake())
    }

    /// `users.messages.delete`.
    pub fn delete_message(&self, address: &str, id: MsgId) -> Result<(), ApiError> {
        self.delete(address, id).map_err(|error| match error {
            SimError::UnknownMailbox(_) => ApiError::precondition("Mail service not enabled"),
            _ => ApiError::not_found(),
        })
    }

    /// `users.messages.insert` and `import`: a raw mail with the given labels; an import may carry an old date.
    pub fn insert(&self, address: &str, mail: Deliver) -> Result<(MsgId, MsgId), ApiError> {
        let now = self.now();
        self.call(address, |mailbox| {
            let (id, meta) = incoming(mailbox, mail, now).map_err(bad_label)?;
            let thread = meta.thread;
            if let Some(touched) = mailbox.commit(now, vec![Edit::Add(id, meta)]) {
                self.note_change(mailbox, Some(&touched), now);
            }
            Ok((id, thread))
        })
        .inspect(|_| self.wake())
    }

    /// An account without a mailbox answers `failedPrecondition`, as Gmail does when the mail service is off.
    pub(super) fn call<T>(
        &self,
        address: &str,
        act: impl FnOnce(&mut Mailbox) -> Result<T, ApiError>,
    ) -> Result<T, ApiError> {
        self.with(address, act).map_err(|_unknown| ApiError::precondition("Mail service not enabled"))?
    }
}

fn bad_label(error: SimError) -> ApiError {
    match error {
        SimError::UnknownLabel(id) => ApiError::invalid(format!("Invalid label: {id}")),
        other => ApiError::invalid(other.to_string()),
    }
}
