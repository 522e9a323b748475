//! What happens to a mailbox by itself or by its user: mail arrives, moves, is deleted. Every action is one record.

use std::sync::Arc;

use chrono::TimeDelta;
use postrider_domain::Timestamp;

use super::{SimError, World};
use crate::content::{Kind, Note};
use crate::ids::MsgId;
use crate::labels::{self, LabelSet};
use crate::mailbox::{Edit, Mailbox, Meta, Source};

/// A mail that arrives. The default is a synthetic unread mail in the inbox.
#[derive(Debug, Clone, Default)]
pub struct Deliver {
    /// `From` header; by default a synthetic person.
    pub from: Option<String>,
    /// `To` header; by default the mailbox's address.
    pub to: Option<String>,
    /// `Subject` header, not encoded.
    pub subject: Option<String>,
    /// First paragraph of the text.
    pub body: Option<String>,
    /// Label ids; by default `INBOX`, `UNREAD`, `CATEGORY_PERSONAL`.
    pub labels: Option<Vec<String>>,
    /// The whole mail; the fields above but the labels are then ignored.
    pub raw: Option<Vec<u8>>,
    /// Thread to join; by default a new one.
    pub thread: Option<MsgId>,
    /// MIME form; by default chosen by the seed.
    pub kind: Option<Kind>,
    /// Gmail's `internalDate`; by default now. An import sets an old one.
    pub internal_date: Option<Timestamp>,
}

impl World {
    /// A mail arrives; gives its id.
    pub fn deliver(&self, address: &str, mail: Deliver) -> Result<MsgId, SimError> {
        let ids = self.deliver_all(address, vec![mail])?;
        ids.into_iter().next().ok_or_else(|| SimError::UnknownMessage(String::new()))
    }

    /// Several mails arrive in one history record.
    pub fn deliver_all(&self, address: &str, mails: Vec<Deliver>) -> Result<Vec<MsgId>, SimError> {
        self.change(address, |mailbox, now| {
            let mut ids = Vec::with_capacity(mails.len());
            let mut edits = Vec::with_capacity(mails.len());
            for mail in mails {
                let (id, meta) = incoming(mailbox, mail, now)?;
                ids.push(id);
                edits.push(Edit::Add(id, meta));
            }
            Ok((ids, edits))
        })
    }

    /// Deletes a message for ever.
    pub fn delete(&self, address: &str, id: MsgId) -> Result<(), SimError> {
        self.change(address, |mailbox, _| {
            known(mailbox, id)?;
            Ok(((), vec![Edit::Remove(id)]))
        })
    }

    /// Moves a message to the trash: `TRASH` on, `INBOX` and `SPAM` off, in one record.
    pub fn trash(&self, address: &str, id: MsgId) -> Result<(), SimError> {
        self.move_labels(address, id, &[labels::TRASH], &[labels::INBOX, labels::SPAM])
    }

    /// Takes a message out of the trash. As in Gmail it is archived, not put back into the inbox.
    pub fn untrash(&self, address: &str, id: MsgId) -> Result<(), SimError> {
        self.move_labels(address, id, &[], &[labels::TRASH])
    }

    /// The spam filter's late verdict: `SPAM` on, `INBOX` off.
    pub fn mark_spam(&self, address: &str, id: MsgId) -> Result<(), SimError> {
        self.move_labels(address, id, &[labels::SPAM], &[labels::INBOX])
    }

    /// Sets or clears `UNREAD`.
    pub fn mark_read(&self, address: &str, id: MsgId, read: bool) -> Result<(), SimError> {
        let (add, remove): (&[u16], &[u16]) = if read { (&[], &[labels::UNREAD]) } else { (&[labels::UNREAD], &[]) };
        self.move_labels(address, id, add, remove)
    }

    /// Puts labels on and takes labels off several messages in one record.
    pub fn relabel(&self, address: &str, ids: &[MsgId], add: &[&str], remove: &[&str]) -> Result<(), SimError> {
        self.change(address, |mailbox, _| {
            let (add, remove) = (set(mailbox, add)?, set(mailbox, remove)?);
            for id in ids {
                known(mailbox, *id)?;
            }
            let edit = |id: &MsgId| Edit::Relabel { id: *id, add: add.clone(), remove: remove.clone() };
            Ok(((), ids.iter().map(edit).collect()))
        })
    }

    /// Adds a user label; gives its id.
    pub fn create_label(&self, address: &str, name: &str) -> Result<String, SimError> {
        self.with(address, |mailbox| mailbox.labels.add(name))
    }

    /// Renames a user label. Its id stays; no history record tells of it.
    pub fn rename_label(&self, address: &str, id: &str, name: &str) -> Result<(), SimError> {
        self.with(address, |mailbox| match mailbox.labels.user_mut(id) {
            Some(label) => {
                name.clone_into(&mut label.name);
                Ok(())
            }
            None => Err(SimError::UnknownLabel(id.to_owned())),
        })?
    }

    /// Deletes a user label: taken off every message in one record, then gone from the list.
    pub fn delete_label(&self, address: &str, id: &str) -> Result<(), SimError> {
        self.change(address, |mailbox, _| {
            let ix = mailbox.labels.find(id).ok_or_else(|| SimError::UnknownLabel(id.to_owned()))?;
            let carrying = mailbox.iter().filter(|(_, meta)| meta.labels.has(ix)).map(|(id, _)| id);
            let remove: LabelSet = [ix].into_iter().collect();
            let edit = |id| Edit::Relabel { id, add: LabelSet::default(), remove: remove.clone() };
            Ok(((), carrying.map(edit).collect()))
        })?;
        self.with(address, |mailbox| {
            if let Some(label) = mailbox.labels.user_mut(id) {
                label.deleted = true;
            }
        })
    }

    /// Forgets all but the newest `keep` history records: older start ids answer 404.
    pub fn expire_history(&self, address: &str, keep: usize) -> Result<(), SimError> {
        self.with(address, |mailbox| mailbox.expire_history(keep))
    }

    /// How long records are kept from now on (Gmail: usually a week or more, sometimes hours).
    pub fn set_retention(&self, address: &str, keep: TimeDelta) -> Result<(), SimError> {
        self.with(address, |mailbox| mailbox.retention = keep)
    }

    /// Moves the history id and pushes, with no record behind it.
    pub fn bump_history(&self, address: &str) -> Result<(), SimError> {
        let now = self.now();
        self.with(address, |mailbox| {
            mailbox.bump_history();
            self.note_change(mailbox, None, now);
        })?;
        self.wake();
        Ok(())
    }

    /// Makes all page tokens given so far invalid (400).
    pub fn expire_page_tokens(&self, address: &str) -> Result<(), SimError> {
        self.with(address, Mailbox::expire_page_tokens)
    }

    /// The account is deleted and created anew with `size` messages: other messages, watch gone, and history ids that
    /// start over far below the old ones. The account id changes only if `new_sub` is given.
    pub fn recreate(&self, address: &str, size: u32, new_sub: Option<&str>) -> Result<(), SimError> {
        let now = self.now();
        self.with(address, |old| {
            let generation = old.generation + 1;
            let base = 1_000_000_u64 >> (2 * generation).min(19);
            let seed = old.seed.wrapping_add(0x5bd1_e995);
            let sub = new_sub.unwrap_or(&old.sub).to_owned();
            let mut new = Mailbox::empty(&old.address.clone(), &sub, seed, base);
            new.inherit(old);
            new.lag = self.faults().lag();
            new.fill(size, now);
            *old = new;
        })
    }

    fn move_labels(&self, address: &str, id: MsgId, add: &[u16], remove: &[u16]) -> Result<(), SimError> {
        self.change(address, |mailbox, _| {
            known(mailbox, id)?;
            let (add, remove) = (add.iter().copied().collect(), remove.iter().copied().collect());
            Ok(((), vec![Edit::Relabel { id, add, remove }]))
        })
    }

    /// Plans edits with the mailbox locked, commits them as one record and notes the change for the watch.
    pub(super) fn change<T>(
        &self,
        address: &str,
        plan: impl FnOnce(&mut Mailbox, Timestamp) -> Result<(T, Vec<Edit>), SimError>,
    ) -> Result<T, SimError> {
        let now = self.now();
        let done = self.with(address, |mailbox| {
            let (answer, edits) = plan(mailbox, now)?;
            if let Some(touched) = mailbox.commit(now, edits) {
                self.note_change(mailbox, Some(&touched), now);
            }
            Ok(answer)
        })?;
        self.wake();
        done
    }
}

pub(super) fn known(mailbox: &Mailbox, id: MsgId) -> Result<&Meta, SimError> {
    mailbox.get(id).ok_or_else(|| SimError::UnknownMessage(id.to_string()))
}

pub(super) fn set<S: AsRef<str>>(mailbox: &Mailbox, ids: &[S]) -> Result<LabelSet, SimError> {
    let find = |id: &S| {
        let id = id.as_ref();
        mailbox.labels.find(id).ok_or_else(|| SimError::UnknownLabel(id.to_owned()))
    };
    ids.iter().map(find).collect()
}

pub(super) fn incoming(mailbox: &mut Mailbox, mail: Deliver, now: Timestamp) -> Result<(MsgId, Meta), SimError> {
    let labels = match &mail.labels {
        Some(ids) => set(mailbox, ids)?,
        None => set(mailbox, &["INBOX", "UNREAD", "CATEGORY_PERSONAL"])?,
    };
    let id = mailbox.new_id(now);
    let internal_date = mail.internal_date.unwrap_or(now).timestamp_millis();
    let source = match mail.raw {
        Some(raw) => Source::Raw(raw.into()),
        None => {
            let note = Note { from: mail.from, to: mail.to, subject: mail.subject, body: mail.body, kind: mail.kind };
            let plain = note == Note::default();
            Source::Made { index: mailbox.next_made(), note: (!plain).then(|| Arc::new(note)) }
        }
    };
    Ok((id, Meta { thread: mail.thread.unwrap_or(id), history_id: 0, internal_date, labels, source }))
}
