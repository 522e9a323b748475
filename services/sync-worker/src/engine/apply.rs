//! Applies fetched messages, inside the commit of any lane: records were folded to changes, changes were fetched, and here
//! both become rows, ledger and events.

mod commit;
mod tell;

use std::collections::{HashMap, HashSet};

use chrono::TimeDelta;
use postrider_contracts::NewEvent;
use postrider_domain::{EmailId, HistoryId, LabelId, MessageId, Timestamp, Version};
use postrider_storage::Error;

pub use self::commit::{Commit, Origin, event};
use crate::content::Mail;
use crate::content::fetched::Fetched;
use crate::rules::announce::{Announce, announce, found};
use crate::rules::change::{Change, Known};
use crate::rules::decide::{Decided, Message, Plan, Row, Tally};
use crate::rules::flags;
use crate::rules::park::Parked;
use crate::store::email_labels::LabelRows;
use crate::store::emails::{self, NewEmail, Relabelled, Tombstone};
use crate::store::{attachments, email_labels, ledger, parked, search, sources};

/// A message that was looked at without a record that asked for it.
pub type Look = (Change, Fetched);

/// The messages of looks.
pub fn messages(looks: &[Look]) -> Vec<Message<'_>> {
    looks.iter().map(|(change, fetched)| Message::new(change, Some(fetched))).collect()
}

/// What was applied.
#[derive(Debug, Clone, Copy, Default)]
pub struct Applied {
    /// Mails whose content is new in the mirror.
    pub stored: usize,
    pub deleted: usize,
    pub parked: usize,
    /// Mails told one by one.
    pub announced: usize,
    /// Received mails that are news and were not told one by one.
    pub untold: usize,
    /// A label without a name was met.
    pub unknown_label: bool,
}

/// Applies messages. Nothing is durable before the commit ends.
pub async fn apply(commit: &mut Commit<'_>, origin: Origin, messages: Vec<Message<'_>>) -> Result<Applied, Error> {
    let ids: Vec<MessageId> = messages.iter().map(|message| message.change.message_id.clone()).collect();
    let (tenant, connector) = (&commit.guard.tenant, commit.guard.connector);
    let (known, waiting) = tokio::try_join!(
        emails::list_known(&commit.tx, tenant, connector, &ids),
        parked::list_among(&commit.tx, tenant, connector, &ids)
    )?;
    let known: HashMap<&MessageId, &Known> = known.iter().map(|row| (&row.message_id, row)).collect();
    let waiting: HashMap<&MessageId, &Parked> = waiting.iter().map(|row| (&row.message_id, row)).collect();
    let (mut messages, mut plan) =
        (messages, Plan::new(commit.mailbox.ids(), commit.mailbox.ground(), origin == Origin::Parked, commit.now));
    let decided: Vec<Decided> = messages
        .iter_mut()
        .map(|message| {
            message.known = known.get(&message.change.message_id).copied();
            message.waiting = waiting.get(&message.change.message_id).copied();
            plan.decide(message)
        })
        .collect();
    let mut rows = Rows::new(origin);
    for (message, decided) in messages.iter().zip(&decided) {
        rows.add(commit, message, decided);
    }
    rows.write(commit, plan.tally).await?;
    parked::put(&mut commit.tx, &commit.guard, &plan.park, commit.now).await?;
    parked::remove(&mut commit.tx, &commit.guard, &plan.unpark).await?;
    let announced = tell::announcements(commit, origin, &rows.announce, rows.quiet()).await?;
    commit.tell_all(announced);
    commit.tell_all(rows.events);
    commit.brings = (plan.tally, rows.new.len());
    Ok(Applied {
        stored: rows.new.len(),
        deleted: rows.deleted,
        parked: plan.park.len(),
        announced: rows.announce.len(),
        untold: rows.untold,
        unknown_label: rows.unknown_label,
    })
}

/// Rows to write, collected by statement.
struct Rows<'a> {
    origin: Origin,
    new: Vec<NewEmail<'a>>,
    mails: Vec<(EmailId, &'a Mail)>,
    relabel: Vec<(Relabelled, Timestamp)>,
    /// Mails that may have rows of labels already.
    replaced: HashSet<EmailId>,
    tombstones: Vec<Tombstone>,
    announce: HashMap<EmailId, Announce>,
    /// Received mails that are news, and more than a run tells one by one.
    untold: usize,
    events: Vec<NewEvent>,
    deleted: usize,
    unknown_label: bool,
}

impl<'a> Rows<'a> {
    fn new(origin: Origin) -> Self {
        Self {
            origin,
            new: Vec::new(),
            mails: Vec::new(),
            relabel: Vec::new(),
            replaced: HashSet::new(),
            tombstones: Vec::new(),
            announce: HashMap::new(),
            untold: 0,
            events: Vec::new(),
            deleted: 0,
            unknown_label: false,
        }
    }

    /// Adds what becomes of one message.
    fn add(&mut self, commit: &Commit<'_>, message: &Message<'a>, decided: &'a Decided) {
        let known = message.known;
        let email_id = known.map_or_else(|| EmailId(commit.seams().ids.uuid()), |known| known.email_id);
        let mut dated = true;
        let state: Option<(&[LabelId], Timestamp)> = match (&decided.row, known) {
            (Row::Store { labels, version, fetched }, _) => match message.fetched {
                Some(Fetched::Mail(mail)) => {
                    if known.is_some() {
                        self.replaced.insert(email_id);
                    }
                    let received_at = mail.received_at(commit.now);
                    dated = mail.meta.internal_date.is_some();
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
            && !announced
        {
            let news = match decided.live {
                true => self.live_news(commit, labels, date),
                // Without Google's date nothing says when it came.
                false if dated => self.found_news(commit, known, labels, date),
                false => Announce::default(),
            };
            let one_too_many = !decided.live && self.has_told_enough();
            if one_too_many {
                self.untold += usize::from(news.received);
            } else if news.any() {
                self.announce.insert(email_id, news);
            }
        }
    }

    /// What is told of a mail that a record added.
    fn live_news(&self, commit: &Commit<'_>, labels: &[LabelId], date: Timestamp) -> Announce {
        // A parked mail was added before the mirror was current; the parking lot keeps it for a day or so.
        let days = if self.origin == Origin::Live { 0 } else { 2 };
        let current_at = commit.mailbox.caught_up_at.unwrap_or(commit.now) - TimeDelta::days(days);
        announce(labels, date, current_at)
    }

    /// What is told of a mail that no record added: its record is lost, or hidden, or lies before the boundary.
    fn found_news(&self, commit: &Commit<'_>, known: Option<&Known>, labels: &[LabelId], date: Timestamp) -> Announce {
        let since = match self.origin {
            // It also tells what an earlier run stored and nobody told.
            Origin::Run(_, gap) => gap.map(|gap| gap.since),
            Origin::Live | Origin::Parked | Origin::LookBack => commit.mailbox.untold_since(known),
        };
        since.map_or_else(Announce::default, |since| found(labels, date, since, commit.now))
    }

    fn has_told_enough(&self) -> bool {
        matches!(self.origin, Origin::Run(_, Some(gap)) if self.announce.len() >= gap.left)
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
    fn quiet(&self) -> Vec<String> {
        let quiet = self.new.iter().filter(|row| !row.flags.draft && !self.announce.contains_key(&row.email_id));
        quiet.map(|row| row.email_id.to_string()).collect()
    }

    /// Writes all rows, and the ledger's entries: a statement for each kind. No two of them touch the same row: they
    /// share a round trip.
    async fn write(&self, commit: &Commit<'_>, tally: Tally) -> Result<(), Error> {
        let (tx, guard, now) = (&commit.tx, &commit.guard, commit.now);
        let run = self.origin.run();
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
