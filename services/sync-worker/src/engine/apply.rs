//! Applies what was learnt about messages, inside the transaction that holds the mailbox's lock. Live lane, backfill,
//! parked messages and confirmed deletions all come through here.

use std::collections::{HashMap, HashSet};

use postrider_contracts::NewEvent;
use postrider_contracts::mailbox::{EmailBatchStored, EmailReceived, EmailSent};
use postrider_domain::{MessageId, RunId, Seams, Timestamp};
use postrider_storage::{Error, TenantTx};

use super::events::EventMaker;
use super::fetch::Answer;
use super::plan::{Plan, Row};
use super::writes::Writes;
use crate::rules::decide::Known;
use crate::rules::fold::Action;
use crate::store::ledger::Tally;
use crate::store::mailboxes::{Guard, Mailbox};
use crate::store::queue::Cause;
use crate::store::{emails, parked};

/// One message to apply.
pub struct Item<'a> {
    pub action: Action,
    pub answer: Option<&'a Answer>,
}

/// Who applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// History records.
    Live,
    /// A run: what it stores is told in batches.
    Run(RunId),
    /// A parked message looked at again.
    Parked,
}

/// What applying needs to know.
pub struct Cx<'a> {
    pub guard: &'a Guard,
    pub mailbox: &'a Mailbox,
    pub seams: &'a Seams,
    pub names: &'a HashMap<String, String>,
    pub origin: Origin,
    pub cause: Cause,
    pub now: Timestamp,
}

/// What was applied.
#[derive(Debug, Default)]
pub struct Applied {
    pub events: Vec<NewEvent>,
    pub tally: Tally,
    /// Mails whose content is new in the mirror.
    pub stored: usize,
    pub deleted: usize,
    pub parked: HashSet<MessageId>,
    /// A label without a name was met.
    pub unknown_label: bool,
}

/// Applies items. Nothing is durable before the caller commits.
pub async fn apply(tx: &mut TenantTx, cx: &Cx<'_>, items: &[Item<'_>]) -> Result<Applied, Error> {
    let ids: Vec<MessageId> = items.iter().map(|item| item.action.message_id.clone()).collect();
    let (tenant, connector) = (&cx.guard.tenant, cx.guard.connector);
    let (known, waiting) = tokio::try_join!(
        emails::list_known(tx, tenant, connector, &ids),
        parked::list_among(tx, tenant, connector, &ids)
    )?;
    let known: HashMap<MessageId, Known> = known.into_iter().map(|row| (row.message_id.clone(), row)).collect();
    let waiting: HashMap<MessageId, parked::Parked> =
        waiting.into_iter().map(|row| (row.message_id.clone(), row)).collect();
    let mut plan = Plan::default();
    for item in items {
        let row = Row {
            action: &item.action,
            known: known.get(&item.action.message_id),
            waiting: waiting.get(&item.action.message_id),
            learned: item.answer.map(Answer::learned),
        };
        plan.add(row, cx.guard.generation, cx.origin == Origin::Parked, cx.now);
    }
    write(tx, cx, items, &plan).await
}

async fn write(tx: &mut TenantTx, cx: &Cx<'_>, items: &[Item<'_>], plan: &Plan<'_>) -> Result<Applied, Error> {
    let mut writes = Writes::default();
    for (item, fate) in items.iter().zip(&plan.fates) {
        writes.collect(cx, item, fate);
    }
    writes.flush(tx, cx).await?;
    parked::put(tx, cx.guard, &plan.park, cx.now).await?;
    parked::remove(tx, cx.guard, &plan.unpark).await?;
    let mut events = announcements(tx, cx, &writes).await?;
    events.append(&mut writes.events);
    Ok(Applied {
        events,
        tally: plan.tally,
        stored: writes.new.len(),
        deleted: writes.deleted,
        parked: plan.park.iter().map(|row| row.message_id.clone()).collect(),
        unknown_label: writes.unknown_label,
    })
}

/// `email.received` and `.sent` for live mail, `email.batch_stored` for the rest of what is new.
async fn announcements(tx: &mut TenantTx, cx: &Cx<'_>, writes: &Writes<'_>) -> Result<Vec<NewEvent>, Error> {
    let maker = EventMaker { mailbox: cx.mailbox, seams: cx.seams, trace: cx.cause.trace, now: cx.now };
    let mut events = Vec::new();
    if !writes.announce.is_empty() {
        let marked = emails::mark_announced(tx, &cx.guard.tenant, &writes.announce, cx.now).await?;
        let mut mails = emails::list_summaries(tx, &cx.guard.tenant, &marked, cx.names, cx.cause.published_at).await?;
        mails.sort_by_key(|(id, date, _)| (*date, *id));
        for (_, _, email) in mails {
            let has = |wanted: &str| email.labels.iter().any(|label| label.id == wanted);
            let (sent, inbox) = (has(postrider_domain::labels::SENT), has(postrider_domain::labels::INBOX));
            if sent {
                events.push(maker.make(&EmailSent { email: Some(email.clone()) }));
            }
            if !sent || inbox {
                events.push(maker.make(&EmailReceived { email: Some(email) }));
            }
        }
    }
    let quiet: Vec<String> = writes
        .new
        .iter()
        .filter(|row| !row.flags.draft && !writes.announce.contains(&row.email_id))
        .map(|row| row.email_id.to_string())
        .collect();
    if !quiet.is_empty() {
        let run_id = match cx.origin {
            Origin::Run(run) => run.to_string(),
            Origin::Live | Origin::Parked => String::new(),
        };
        let count = u32::try_from(quiet.len()).unwrap_or(u32::MAX);
        events.push(maker.make(&EmailBatchStored { run_id, count, email_ids: quiet }));
    }
    Ok(events)
}
