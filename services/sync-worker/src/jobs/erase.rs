//! Removes the mirrors of accounts that were disconnected for good, slice by slice. An erasure is open until its run is
//! over: one that is killed anywhere goes on with the next replica that looks.

use std::time::Duration;

use postrider_contracts::mailbox::{EmailDeleted, Reference};
use postrider_contracts::{Envelope, NewEvent, streams};
use postrider_domain::{EventId, UserId};
use postrider_storage::Error;
use tokio_util::sync::CancellationToken;

use crate::jobs::turn::Turn;
use crate::state::State;
use crate::store::buckets;
use crate::store::erasures::{self, Doomed, Erasure, Holder};

/// Between two looks; one asked for in this process is begun at once.
pub const EVERY: Duration = Duration::from_secs(10);
/// Taken again with every slice.
const TURN: Turn = Turn { name: "erase", lease: Duration::from_secs(60) };
/// Mails, and other rows, in one transaction.
const MAILS: usize = 200;
const ROWS: usize = 5_000;

/// Erases what is to be erased, unless another replica is at it.
pub async fn run(state: &State, stop: &CancellationToken) -> Result<(), Error> {
    while !stop.is_cancelled() {
        let Some(open) = open(state).await? else { return Ok(()) };
        let Some(erasure) = open.into_iter().next() else { break };
        tracing::info!(connector.id = %erasure.connector, run.id = %erasure.run, "erasing a mirror");
        erase(state, &erasure, stop).await?;
    }
    TURN.end(state).await
}

/// Erasures that are not over; `None` while another replica is at them.
async fn open(state: &State) -> Result<Option<Vec<Erasure>>, Error> {
    if !TURN.take(state).await? {
        return Ok(None);
    }
    let tx = state.db.system().await?;
    let open = erasures::list_open(&tx, 1).await?;
    tx.commit().await?;
    Ok(Some(open))
}

async fn erase(state: &State, erasure: &Erasure, stop: &CancellationToken) -> Result<(), Error> {
    let tx = state.db.tenant(&erasure.tenant).await?;
    let owner = erasures::begin(&tx, erasure, state.seams.clock.now()).await?;
    tx.commit().await?;
    loop {
        if stop.is_cancelled() || !TURN.take(state).await? {
            return Ok(());
        }
        let now = state.seams.clock.now();
        let mut tx = state.db.tenant(&erasure.tenant).await?;
        let (gone, holders) = erasures::remove_mails(&tx, erasure, MAILS, now).await?;
        if let Some(owner) = &owner {
            let events = tell(state, erasure, owner, &gone, holders);
            postrider_events::outbox::append(&mut tx, events).await?;
        }
        let over = gone.is_empty() && erasures::remove_notes(&tx, erasure, ROWS).await? == 0;
        if over {
            // Its key names the Google account: nobody claims from it any more, the mailbox was taken from its holder.
            let (system, ()) = tx.into_system_with(async |tx| buckets::forget(tx, erasure.connector).await).await?;
            tx = system.into_tenant(&erasure.tenant).await?;
            erasures::finish(&tx, erasure, now).await?;
        }
        tx.commit().await?;
        if over {
            tracing::info!(connector.id = %erasure.connector, run.id = %erasure.run, "erased a mirror");
            return Ok(());
        }
    }
}

/// Who held on to a mail is told that it is gone. All others know it from the account's end.
fn tell(state: &State, erasure: &Erasure, owner: &UserId, gone: &[Doomed], holders: Vec<Holder>) -> Vec<NewEvent> {
    let mut events = Vec::new();
    for mail in gone {
        let held = holders.iter().filter(|holder| holder.email_id == mail.email_id);
        let references: Vec<Reference> =
            held.map(|holder| Reference { kind: holder.kind.clone(), r#ref: holder.reference.clone() }).collect();
        if references.is_empty() {
            continue;
        }
        let deleted = EmailDeleted {
            email_id: mail.email_id.to_string(),
            message_id: mail.message_id.to_string(),
            erased: true,
            references,
            ..EmailDeleted::default()
        };
        events.push(
            Envelope::of(EventId(state.seams.ids.uuid()), state.seams.clock.now(), &deleted)
                .owned_by(erasure.tenant.clone(), owner.clone(), Some(erasure.connector))
                .on_stream(streams::mailbox(erasure.connector)),
        );
    }
    events
}
