//! Applies fetched messages, inside the commit of any lane: records were folded to changes, changes were fetched, and here
//! both become rows, ledger and events.

mod commit;
mod rows;
mod tell;

use std::collections::HashMap;

use postrider_domain::MessageId;
use postrider_storage::Error;

pub use self::commit::{Commit, Origin, event};
use self::rows::Rows;
use crate::content::fetched::Fetched;
use crate::rules::change::Change;
use crate::rules::change::Known;
use crate::rules::plan::{Decided, Message, Plan};
use crate::store::parked::Parked;
use crate::store::{emails, parked};

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
        unknown_label: rows.unknown_label,
    })
}
