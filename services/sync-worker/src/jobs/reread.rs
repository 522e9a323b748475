//! Reads stored sources again that an older reader read: mail from before the search becomes findable, and what a better
//! parser sees reaches old mail without Gmail. Some mails of each mailbox in turn, newest first; the place that was
//! reached is kept, so that whoever goes on after a crash goes on there. Beside the engine: rows of content are written
//! under the mailbox's lock, for milliseconds. Never beside an erasure: the lock tells of it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use postrider_domain::{ConnectorId, EmailId, TenantId, Timestamp};
use postrider_storage::{Error, TenantTx};
use tokio_util::sync::CancellationToken;

use crate::content::Content;
use crate::content::reading::Versions;
use crate::content::source::Source;
use crate::jobs::turn::Turn;
use crate::kept::{Held, KeptError, Place, Vault};
use crate::state::State;
use crate::store::rereads::{self, Looked, Unread};
use crate::store::{attachments, mailboxes, search, sources};

/// Between two looks.
pub const EVERY: Duration = Duration::from_secs(30);
/// Taken again before every batch.
const TURN: Turn = Turn { name: "reread", lease: Duration::from_secs(60) };
/// Mailboxes looked up at once, mails looked at in one transaction, and of these read again at most.
const MAILBOXES: usize = 50;
const LOOKED: usize = 500;
const MAILS: usize = 50;
/// Sources in memory at once, in bytes; one that is larger is read alone.
const BYTES: i64 = 8 << 20;

/// Reads what there is to read, unless another replica is at it.
pub async fn run(state: &State, vault: &Vault, stop: &CancellationToken) -> Result<(), Error> {
    let tx = state.db.system().await?;
    rereads::mark(&tx, Versions::CURRENT).await?;
    tx.commit().await?;
    while let Some(unread) = unread(state).await? {
        if unread.is_empty() {
            return TURN.end(state).await;
        }
        for mailbox in unread {
            if stop.is_cancelled() || !TURN.take(state).await? {
                return Ok(());
            }
            batch(state, vault, &mailbox).await?;
        }
    }
    Ok(())
}

/// Mailboxes with something to read; `None` while another replica is at them.
async fn unread(state: &State) -> Result<Option<Vec<Unread>>, Error> {
    if !TURN.take(state).await? {
        return Ok(None);
    }
    let tx = state.db.system().await?;
    let unread = rereads::list_unread(&tx, Versions::CURRENT, MAILBOXES).await?;
    tx.commit().await?;
    Ok(Some(unread))
}

/// Some mails of one mailbox.
async fn batch(state: &State, vault: &Vault, mailbox: &Unread) -> Result<(), Error> {
    if mailbox.after.is_none() {
        let tx = state.db.tenant(&mailbox.tenant).await?;
        rereads::begin(&tx, mailbox).await?;
        tx.commit().await?;
    }
    let tx = state.db.tenant(&mailbox.tenant).await?;
    let looked = rereads::list_mails(&tx, mailbox, Versions::CURRENT, LOOKED).await?;
    let (taken, outdated) = take(&looked);
    let Some(last) = looked.get(taken.saturating_sub(1)) else {
        rereads::finish(&tx, mailbox, Versions::CURRENT).await?;
        tracing::info!(connector.id = %mailbox.connector, "stored sources of a mailbox were read again");
        return tx.commit().await;
    };
    tx.commit().await?;
    let mut stored = Vec::with_capacity(outdated.len());
    for mail in outdated {
        if let Some(source) = take_out(vault, &mailbox.tenant, &mail).await? {
            stored.push((mail, source));
        }
    }
    let connector = mailbox.connector;
    let reading = move || stored.into_iter().map(|one| read(one, connector)).collect::<Vec<_>>();
    let read = tokio::task::spawn_blocking(reading).await.map_err(|error| Error::Other(error.to_string()))?;
    let (mut fresh, mut damaged, mut divided) = (Vec::new(), Vec::new(), Vec::new());
    for one in read {
        match one {
            Ok((mail, source)) => {
                divided.extend(source.map(|source| (mail.0, source)));
                fresh.push(mail);
            }
            Err(id) => damaged.push(id),
        }
    }
    let tx = state.db.tenant(&mailbox.tenant).await?;
    if mailboxes::hold(&tx, connector).await? {
        write(state, &tx, connector, &fresh).await?;
        for (email, source) in &divided {
            sources::divide(&tx, *email, source).await?;
        }
        rereads::pass(&tx, &damaged, Versions::CURRENT).await?;
        rereads::step(&tx, mailbox, last, taken).await?;
    }
    tx.commit().await
}

async fn write(
    state: &State,
    tx: &TenantTx,
    connector: ConnectorId,
    read: &[(EmailId, Timestamp, Content)],
) -> Result<(), Error> {
    if read.is_empty() {
        return Ok(());
    }
    let there = rereads::rewrite(tx, read, state.seams.clock.now()).await?;
    let there: Vec<_> = read.iter().filter(|(id, ..)| there.contains(id)).collect();
    let found: Vec<_> = there.iter().map(|(id, received_at, content)| (*id, *received_at, content)).collect();
    search::put(tx, connector, &found).await?;
    let ids: Vec<EmailId> = there.iter().map(|(id, ..)| *id).collect();
    let parts = there.iter().flat_map(|(id, _, content)| content.attachments.iter().map(|part| (*id, part)));
    let parts: Vec<_> = parts.map(|(id, part)| (state.seams.ids.uuid(), id, part)).collect();
    attachments::replace(tx, connector, &ids, &parts).await
}

/// How many of the mails looked at are done with this batch, and which of them are read.
fn take(looked: &[Looked]) -> (usize, Vec<Looked>) {
    let (mut outdated, mut bytes) = (Vec::new(), 0_i64);
    for (n, mail) in looked.iter().enumerate() {
        if mail.outdated {
            bytes = bytes.saturating_add(mail.source_bytes);
            if !outdated.is_empty() && (outdated.len() == MAILS || bytes > BYTES) {
                return (n, outdated);
            }
            outdated.push(*mail);
        }
    }
    (looked.len(), outdated)
}

/// A source that was taken out, or why it could not be.
struct Taken {
    bytes: Result<Bytes, KeptError>,
    /// It was stored before there were chunks.
    lump: bool,
}

enum Bytes {
    Packed(Source),
    Plain(Vec<u8>),
}

async fn take_out(vault: &Vault, tenant: &TenantId, mail: &Looked) -> Result<Option<Taken>, Error> {
    let held = match vault.source(tenant, mail.email_id).await {
        Ok(None) => return Ok(None),
        Ok(Some(held)) => held,
        Err(error) if error.is_loss() => return Ok(Some(Taken { bytes: Err(error), lump: false })),
        Err(error) => return Err(error.into()),
    };
    let lump = matches!(&held, Held::There(stored) if matches!(stored.place, Place::Lump(_)));
    let bytes = match held {
        Held::Here(source) => Ok(Bytes::Packed(source)),
        held @ Held::There(_) => held.whole().await.map(Bytes::Plain),
    };
    match bytes {
        Err(error) if !error.is_loss() => Err(error.into()),
        bytes => Ok(Some(Taken { bytes, lump })),
    }
}

/// What a source says; and the source in chunks, if it was stored before there were any.
type Reading = ((EmailId, Timestamp, Content), Option<Source>);

/// Reads a source; the mail's id where it cannot be read. The rest goes on.
fn read((mail, taken): (Looked, Taken), connector: ConnectorId) -> Result<Reading, EmailId> {
    let raw = taken.bytes.and_then(|bytes| match bytes {
        Bytes::Packed(source) => Ok(source.unpack()?),
        Bytes::Plain(raw) => Ok(raw),
    });
    let read = raw.map_err(|error| error.to_string()).and_then(|raw| {
        let content = catch_unwind(AssertUnwindSafe(|| Content::read(&raw, connector)));
        // What an older parser made of it is better than nothing.
        let content = content.ok().filter(|content| !content.is_lost()).ok_or("the parser gave up")?;
        Ok((content, taken.lump.then(|| Source::pack(&raw))))
    });
    match read {
        Ok((content, divided)) => Ok(((mail.email_id, mail.received_at, content), divided)),
        Err(error) => {
            tracing::warn!(email.id = %mail.email_id, error, "a stored source cannot be read again");
            Err(mail.email_id)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mails(sizes: &[(i64, bool)]) -> Vec<Looked> {
        let of = |&(source_bytes, outdated): &(i64, bool)| Looked {
            email_id: EmailId(uuid::Uuid::nil()),
            received_at: Timestamp::default(),
            source_bytes,
            outdated,
        };
        sizes.iter().map(of).collect()
    }

    #[test]
    fn a_batch_is_bounded_and_never_empty() {
        let counts = |sizes: &[(i64, bool)]| {
            let (taken, outdated) = take(&mails(sizes));
            (taken, outdated.len())
        };
        assert_eq!(counts(&[]), (0, 0));
        assert_eq!(counts(&[(50 << 20, true), (1, true)]), (1, 1));
        assert_eq!(counts(&[(1, false), (5 << 20, true), (9, false), (5 << 20, true), (1, true)]), (3, 1));
        assert_eq!(counts(&[(50 << 20, false); 60]), (60, 0));
        assert_eq!(counts(&[(1, true); 60]), (MAILS, MAILS));
    }
}
