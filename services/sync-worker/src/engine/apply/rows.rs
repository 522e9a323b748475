//! The rows that fetched messages become.

use std::collections::{HashMap, HashSet};

use postrider_contracts::NewEvent;
use postrider_domain::{EmailId, HistoryId, LabelId, Timestamp, Version};
use postrider_storage::Error;

use super::commit::{Commit, Origin};
use super::tell;
use crate::content::Mail;
use crate::content::fetched::Fetched;
use crate::rules::announce::{Announce, announce};
use crate::rules::change::Change;
use crate::rules::change::Known;
use crate::rules::decide::Row;
use crate::rules::flags;
use crate::rules::plan::{Decided, Message};
use crate::store::email_labels::LabelRows;
use crate::store::emails::{self, NewEmail, Relabelled, Tombstone};
use crate::store::ledger::{self, Tally};
use crate::store::{attachments, email_labels, search, sources};

/// Rows to write, collected by statement.
pub struct Rows<'a> {
    origin: Origin,
    pub new: Vec<NewEmail<'a>>,
    mails: Vec<(EmailId, &'a Mail)>,
    relabel: Vec<(Relabelled, Timestamp)>,
    /// Mails that may have rows of labels already.
    replaced: HashSet<EmailId>,
    tombstones: Vec<Tombstone>,
    pub announce: HashMap<EmailId, Announce>,
    pub events: Vec<NewEvent>,
    pub deleted: usize,
    pub unknown_label: bool,
}

impl<'a> Rows<'a> {
    pub fn new(origin: Origin) -> Self {
        Self {
            origin,
            new: Vec::new(),
            mails: Vec::new(),
            relabel: Vec::new(),
            replaced: HashSet::new(),
            tombstones: Vec::new(),
            announce: HashMap::new(),
            events: Vec::new(),
            deleted: 0,
            unknown_label: false,
        }
    }

    /// Adds what becomes of one message.
    pub fn add(&mut self, commit: &Commit<'_>, message: &Message<'a>, decided: &'a Decided) {
        let known = message.known;
        let email_id = known.map_or_else(|| EmailId(commit.seams().ids.uuid()), |known| known.email_id);
        let state: Option<(&[LabelId], Timestamp)> = match (&decided.row, known) {
            (Row::Store { labels, version, fetched }, _) => match message.fetched {
                Some(Fetched::Mail(mail)) => {
                    if known.is_some() {
                        self.replaced.insert(email_id);
                    }
                    let received_at = mail.received_at(commit.now);
                    self.store(commit, email_id, mail, (labels, received_at), (*version, *fetched));
                    Some((labels, received_at))
                }
                _ => None,
            },
            (Row::Relabel { labels, version, fetched }, Some(known)) => {
                self.relabel(commit, known, labels, (*version, *fetched));
                Some((labels, known.received_at))
            }
            (Row::Tombstone { version }, known) => {
                self.delete(commit, email_id, message.change, known, *version);
                None
            }
            (Row::Current, Some(known)) if !known.is_deleted => Some((&known.labels, known.received_at)),
            _ => None,
        };
        let announced = known.is_some_and(|known| known.announced);
        if let Some((labels, date)) = state
            && decided.live
            && !announced
        {
            // A parked mail was added before the mirror was current; the parking lot keeps it for a day or so.
            let slack =
                if self.origin == Origin::Live { chrono::TimeDelta::zero() } else { chrono::TimeDelta::days(2) };
            let current_at = commit.mailbox.caught_up_at.unwrap_or(commit.now) - slack;
            let news = announce(labels, date, current_at);
            if news.any() {
                self.announce.insert(email_id, news);
            }
        }
    }

    fn flags(&mut self, commit: &Commit<'_>, labels: &[LabelId]) -> flags::Flags {
        self.unknown_label |= labels.iter().any(|label| flags::is_unnamed(label, &commit.names));
        flags::of(labels, &commit.names)
    }

    fn store(
        &mut self,
        commit: &Commit<'_>,
        email_id: EmailId,
        mail: &'a Mail,
        (labels, received_at): (&'a [LabelId], Timestamp),
        (version, fetched): (Version, HistoryId),
    ) {
        let flags = self.flags(commit, labels);
        self.mails.push((email_id, mail));
        self.new.push(NewEmail {
            email_id,
            message_id: &mail.meta.id,
            thread_id: &mail.meta.thread_id,
            version,
            fetched,
            labels,
            flags,
            received_at,
            snippet: &mail.meta.snippet,
            content: &mail.content,
        });
    }

    fn relabel(
        &mut self,
        commit: &Commit<'_>,
        known: &Known,
        labels: &[LabelId],
        (version, fetched): (Version, Option<HistoryId>),
    ) {
        let flags = self.flags(commit, labels);
        self.events.extend(tell::relabelled(commit, known, labels, &flags, version));
        self.replaced.insert(known.email_id);
        let relabelled = Relabelled { email_id: known.email_id, version, fetched, labels: labels.to_vec(), flags };
        self.relabel.push((relabelled, known.received_at));
    }

    fn delete(
        &mut self,
        commit: &Commit<'_>,
        email_id: EmailId,
        change: &Change,
        known: Option<&Known>,
        version: Version,
    ) {
        if let Some(known) = known.filter(|known| !known.is_deleted) {
            self.deleted += 1;
            self.events.extend(tell::deleted(commit, known, version));
        }
        let (message_id, thread_id) = (change.message_id.clone(), change.thread_id.clone());
        self.tombstones.push(Tombstone { email_id, message_id, thread_id, version });
    }

    /// New mails that nobody is told of one by one.
    pub fn quiet(&self) -> Vec<String> {
        let quiet = self.new.iter().filter(|row| !row.flags.draft && !self.announce.contains_key(&row.email_id));
        quiet.map(|row| row.email_id.to_string()).collect()
    }

    /// Writes all rows, and the ledger's entries: a statement for each kind. No two of them touch the same row: they
    /// share a round trip.
    pub async fn write(&self, commit: &Commit<'_>, tally: Tally) -> Result<(), Error> {
        let (tx, guard, now) = (&commit.tx, &commit.guard, commit.now);
        let run = match self.origin {
            Origin::Run(run) => Some(run),
            Origin::Live | Origin::Parked | Origin::LookBack => None,
        };
        let found: Vec<_> = self.new.iter().map(|row| (row.email_id, row.received_at, row.content)).collect();
        let packed: Vec<_> = self.mails.iter().map(|(id, mail)| (*id, &mail.source)).collect();
        let parts: Vec<_> = self
            .mails
            .iter()
            .flat_map(|(id, mail)| mail.content.attachments.iter().map(|part| (commit.seams().ids.uuid(), *id, part)))
            .collect();
        let relabelled: Vec<&Relabelled> = self.relabel.iter().map(|(row, _)| row).collect();
        let stored = self.new.iter().map(|row| (row.email_id, row.received_at, row.labels));
        let renamed = self.relabel.iter().map(|(row, date)| (row.email_id, *date, row.labels.as_slice()));
        let labels: Vec<_> = stored
            .chain(renamed)
            .map(|(email_id, received_at, labels)| LabelRows {
                email_id,
                received_at,
                labels,
                replace: self.replaced.contains(&email_id),
            })
            .collect();
        tokio::try_join!(
            emails::upsert(tx, guard, &self.new, run, now),
            sources::insert(tx, guard, &packed),
            search::put(tx, guard.connector, &found),
            attachments::insert(tx, guard, &parts),
            emails::relabel(tx, guard, &relabelled, now),
            emails::insert_tombstones(tx, guard, &self.tombstones, now),
            email_labels::put(tx, guard, &labels),
            ledger::add(tx, guard, tally),
        )?;
        Ok(())
    }
}
