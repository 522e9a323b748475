//! The rows and events that applied messages become.

use std::collections::HashSet;

use postrider_contracts::NewEvent;
use postrider_contracts::mailbox::{EmailDeleted, EmailLabelsChanged, EmailRestored};
use postrider_domain::{EmailId, LabelId, Timestamp, Version};
use postrider_storage::{Error, TenantTx};

use super::apply::{Cx, Item, Origin};
use super::events::EventMaker;
use super::fetch::Answer;
use super::plan::Fate;
use crate::content::Fetched;
use crate::rules::announce::announce;
use crate::rules::decide::{Known, Verdict};
use crate::rules::flags;
use crate::rules::fold::Action;
use crate::store::email_labels::LabelRows;
use crate::store::emails::{self, NewEmail, Relabelled, Tombstone};
use crate::store::{attachments, email_labels, labels, sources};

/// Rows to write, collected by statement.
#[derive(Default)]
pub(super) struct Writes<'a> {
    pub(super) new: Vec<NewEmail<'a>>,
    answers: Vec<(EmailId, &'a Fetched)>,
    relabel: Vec<(Relabelled, Timestamp)>,
    /// Content is there already: (id, replaces rows of labels).
    replaced: HashSet<EmailId>,
    graves: Vec<Tombstone>,
    pub(super) announce: Vec<EmailId>,
    pub(super) events: Vec<NewEvent>,
    pub(super) deleted: usize,
    pub(super) unknown_label: bool,
}

impl<'a> Writes<'a> {
    /// Sorts one message's fate into rows and events.
    pub(super) fn collect(&mut self, cx: &Cx<'_>, item: &'a Item<'_>, fate: &'a Fate<'_>) {
        let email_id = fate.known.map_or_else(|| EmailId(cx.seams.ids.uuid()), |known| known.email_id);
        let state: Option<(&[LabelId], Timestamp)> = match (&fate.verdict, fate.known) {
            (Verdict::Store { labels, version }, _) => {
                if let Some(Answer::Mail(mail)) = item.answer {
                    if fate.known.is_some() {
                        self.replaced.insert(email_id);
                    }
                    self.store(cx, email_id, mail, (labels, *version));
                    Some((labels, mail.meta.internal_date))
                } else {
                    None
                }
            }
            (Verdict::Relabel { labels, version }, Some(known)) => {
                self.relabel(cx, known, labels, *version);
                Some((labels, known.received_at))
            }
            (Verdict::Tombstone { version }, known) => {
                self.bury(cx, email_id, &item.action, known, *version);
                None
            }
            (Verdict::Current, Some(known)) if !known.is_deleted => Some((&known.labels, known.received_at)),
            _ => None,
        };
        let announced = fate.known.is_some_and(|known| known.announced);
        if let Some((labels, date)) = state
            && fate.live
            && !announced
        {
            // A parked mail was added before the mirror was current; the parking lot keeps it for a day or so.
            let slack = if cx.origin == Origin::Live { chrono::TimeDelta::zero() } else { chrono::TimeDelta::days(2) };
            let current_at = cx.mailbox.caught_up_at.unwrap_or(cx.now) - slack;
            if announce(labels, date, current_at).any() {
                self.announce.push(email_id);
            }
        }
    }

    fn flags(&mut self, cx: &Cx<'_>, labels: &[LabelId]) -> flags::Flags {
        let unknown = |label: &LabelId| {
            !postrider_domain::labels::is_system(label.as_str()) && !cx.names.contains_key(label.as_str())
        };
        self.unknown_label |= labels.iter().any(unknown);
        flags::of(labels, cx.names)
    }

    fn store(
        &mut self,
        cx: &Cx<'_>,
        email_id: EmailId,
        mail: &'a Fetched,
        (labels, version): (&'a [LabelId], Version),
    ) {
        let flags = self.flags(cx, labels);
        self.answers.push((email_id, mail));
        self.new.push(NewEmail {
            email_id,
            message_id: &mail.meta.id,
            thread_id: &mail.meta.thread_id,
            version,
            labels,
            flags,
            received_at: mail.meta.internal_date,
            snippet: &mail.meta.snippet,
            content: &mail.content,
        });
    }

    fn relabel(&mut self, cx: &Cx<'_>, known: &Known, labels: &[LabelId], version: Version) {
        let flags = self.flags(cx, labels);
        let maker = EventMaker { mailbox: cx.mailbox, seams: cx.seams, trace: cx.cause.trace, now: cx.now };
        let ids = (known.email_id.to_string(), known.message_id.to_string());
        let was_draft = flags::has(&known.labels, postrider_domain::labels::DRAFT);
        if known.is_deleted {
            self.events.push(maker.make(&EmailRestored {
                email_id: ids.0,
                message_id: ids.1,
                trashed: flags.trash,
                history_id: version.history_id.0,
                generation: version.generation,
            }));
        } else if known.labels != labels && !(was_draft && flags.draft) {
            let named = |labels: Vec<&str>| labels::named(labels, cx.names);
            let missing_in = |of: &[LabelId], other: &[LabelId]| {
                named(of.iter().filter(|label| !other.contains(label)).map(LabelId::as_str).collect())
            };
            let (added, removed) = (missing_in(labels, &known.labels), missing_in(&known.labels, labels));
            if !added.is_empty() || !removed.is_empty() {
                self.events.push(maker.make(&EmailLabelsChanged {
                    email_id: ids.0,
                    message_id: ids.1,
                    added,
                    removed,
                    labels: named(labels.iter().map(LabelId::as_str).collect()),
                    folder: flags.folder.clone(),
                    unread: flags.unread,
                    trashed: flags.trash,
                    spam: flags.spam,
                    history_id: version.history_id.0,
                    generation: version.generation,
                }));
            }
        }
        self.replaced.insert(known.email_id);
        let relabelled = Relabelled { email_id: known.email_id, version, labels: labels.to_vec(), flags };
        self.relabel.push((relabelled, known.received_at));
    }

    fn bury(&mut self, cx: &Cx<'_>, email_id: EmailId, action: &Action, known: Option<&Known>, version: Version) {
        if let Some(known) = known.filter(|known| !known.is_deleted) {
            self.deleted += 1;
            if !flags::has(&known.labels, postrider_domain::labels::DRAFT) {
                let maker = EventMaker { mailbox: cx.mailbox, seams: cx.seams, trace: cx.cause.trace, now: cx.now };
                self.events.push(maker.make(&EmailDeleted {
                    email_id: known.email_id.to_string(),
                    message_id: known.message_id.to_string(),
                    trashed: flags::has(&known.labels, postrider_domain::labels::TRASH),
                    history_id: version.history_id.0,
                    generation: version.generation,
                }));
            }
        }
        let thread_id = action.thread_id.clone();
        self.graves.push(Tombstone { email_id, message_id: action.message_id.clone(), thread_id, version });
    }

    /// Writes all rows, a statement for each kind. No two of them touch the same row: they share a round trip.
    pub(super) async fn flush(&self, tx: &TenantTx, cx: &Cx<'_>) -> Result<(), Error> {
        let run = match cx.origin {
            Origin::Run(run) => Some(run),
            Origin::Live | Origin::Parked => None,
        };
        let packed: Vec<_> = self.answers.iter().map(|(id, mail)| (*id, &mail.source)).collect();
        let parts: Vec<_> = self
            .answers
            .iter()
            .flat_map(|(id, mail)| mail.content.attachments.iter().map(|part| (cx.seams.ids.uuid(), *id, part)))
            .collect();
        let (relabelled, dates): (Vec<&Relabelled>, Vec<Timestamp>) =
            self.relabel.iter().map(|(row, date)| (row, *date)).unzip();
        let stored = self.new.iter().map(|row| (row.email_id, row.received_at, row.labels));
        let renamed = relabelled.iter().zip(dates).map(|(row, date)| (row.email_id, date, row.labels.as_slice()));
        let rows: Vec<_> = stored
            .chain(renamed)
            .map(|(email_id, received_at, labels)| LabelRows {
                email_id,
                received_at,
                labels,
                replace: self.replaced.contains(&email_id),
            })
            .collect();
        tokio::try_join!(
            emails::upsert(tx, cx.guard, &self.new, run, cx.now),
            sources::insert(tx, cx.guard, &packed),
            attachments::insert(tx, cx.guard, &parts),
            emails::relabel(tx, cx.guard, &relabelled, cx.now),
            emails::insert_tombstones(tx, cx.guard, &self.graves, cx.now),
            email_labels::put(tx, cx.guard, &rows),
        )?;
        Ok(())
    }
}
