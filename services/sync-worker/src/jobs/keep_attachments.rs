//! Keeps the bytes of attachments of accounts that want them kept (`eager`): cut from the stored source, by the hash of their
//! content, in Postgres or in the object store. And removes objects that nothing names. One replica at a time; what it did
//! not come to is found again.
//!
//! An object is doomed before it is written, and no longer when the row that names it is durable: whoever dies between
//! leaves nothing behind.

use std::time::Duration;

use chrono::TimeDelta;
use postrider_blobs::Objects;
use postrider_storage::{Error, lease};
use sha2::{Digest as _, Sha256};
use tokio_util::sync::CancellationToken;

use crate::content::source::Source;
use crate::state::State;
use crate::store::attachments::{self, Keeper, Wanted};
use crate::store::blobs::{self, Body};
use crate::store::{mailboxes, sources};

/// Between two looks.
pub const EVERY: Duration = Duration::from_secs(10);
/// One that dies is followed after this. Taken again before every attachment.
const LEASE: Duration = Duration::from_secs(120);
/// Its name.
const NAME: &str = "keep_attachments";
/// Mailboxes, attachments and objects looked up at once.
const MAILBOXES: usize = 200;
const ATTACHMENTS: usize = 50;
const OBJECTS: usize = 100;
/// How long writing an object may take.
const WRITTEN_WITHIN: TimeDelta = TimeDelta::hours(1);

/// Keeps what is to be kept, unless another replica is at it.
pub async fn run(state: &State, objects: Option<&Objects>, stop: &CancellationToken) -> Result<(), Error> {
    let mut after = None;
    loop {
        if !held(state).await? {
            return Ok(());
        }
        let tx = state.db.system().await?;
        let mailboxes = attachments::list_keepers(&tx, after, MAILBOXES).await?;
        tx.commit().await?;
        let Some(last) = mailboxes.last() else { break };
        after = Some(last.connector);
        for mailbox in mailboxes {
            loop {
                let tx = state.db.tenant(&mailbox.tenant).await?;
                let wanted = attachments::list_wanted(&tx, &mailbox, ATTACHMENTS).await?;
                tx.commit().await?;
                if wanted.is_empty() {
                    break;
                }
                for attachment in wanted {
                    if stop.is_cancelled() || !held(state).await? {
                        return Ok(());
                    }
                    keep(state, objects, &mailbox, &attachment).await?;
                }
            }
        }
    }
    if let Some(objects) = objects {
        remove(state, objects).await?;
    }
    let tx = state.db.system().await?;
    lease::release(&tx, NAME, &state.replica).await?;
    tx.commit().await
}

async fn held(state: &State) -> Result<bool, Error> {
    let tx = state.db.system().await?;
    let held = lease::try_acquire(&tx, NAME, &state.replica, LEASE).await?;
    tx.commit().await?;
    Ok(held.is_some())
}

/// An attachment cut out, and what names its content.
struct Cut {
    key: String,
    bytes: Vec<u8>,
}

async fn cut(state: &State, mailbox: &Keeper, attachment: &Wanted) -> Result<Option<Cut>, Error> {
    let tx = state.db.tenant(&mailbox.tenant).await?;
    let source = sources::find(&tx, attachment.email_id).await?;
    tx.commit().await?;
    let Some(source) = source else { return Ok(None) };
    let part = attachment.part_id.clone();
    let cut = move || {
        let bytes = postrider_mail::attachment_bytes(&source.unpack().ok()?, &part)?;
        Some(Cut { key: format!("{:x}", Sha256::digest(&bytes)), bytes })
    };
    tokio::task::spawn_blocking(cut).await.map_err(|error| Error::Other(error.to_string()))
}

async fn keep(state: &State, objects: Option<&Objects>, mailbox: &Keeper, attachment: &Wanted) -> Result<(), Error> {
    let Some(cut) = cut(state, mailbox, attachment).await? else {
        let tx = state.db.tenant(&mailbox.tenant).await?;
        attachments::settle(&tx, attachment, None).await?;
        return tx.commit().await;
    };
    let size = i64::try_from(cut.bytes.len()).unwrap_or(i64::MAX);
    match objects {
        None => {
            let packing = move || (cut.key, Source::pack(&cut.bytes));
            let (key, packed) =
                tokio::task::spawn_blocking(packing).await.map_err(|error| Error::Other(error.to_string()))?;
            name(state, mailbox, attachment, &key, size, Body::Here(&packed)).await
        }
        Some(objects) => {
            let object = write(state, objects, mailbox, &cut).await?;
            name(state, mailbox, attachment, &cut.key, size, Body::Object(&object)).await
        }
    }
}

/// Writes an object that is doomed until it is named; an object that is there already does.
async fn write(state: &State, objects: &Objects, mailbox: &Keeper, cut: &Cut) -> Result<String, Error> {
    let tx = state.db.tenant(&mailbox.tenant).await?;
    let known = blobs::find(&tx, &cut.key).await?.and_then(|kept| kept.object);
    if let Some(object) = known {
        tx.commit().await?;
        return Ok(object);
    }
    let folder = cut.key.get(..2).unwrap_or_default();
    let object = format!("{}/{folder}/{}.{}", mailbox.tenant, cut.key, state.seams.ids.uuid().simple());
    blobs::doom(&tx, &object, state.seams.clock.now() + WRITTEN_WITHIN).await?;
    tx.commit().await?;
    let written = objects.put(&object, cut.bytes.clone().into()).await;
    // The store is away: as with the database, the whole is tried again.
    written.map_err(|error| Error::Transient(error.to_string()))?;
    Ok(object)
}

/// Makes the blob durable together with the row that names it.
async fn name(
    state: &State,
    mailbox: &Keeper,
    attachment: &Wanted,
    key: &str,
    size: i64,
    body: Body<'_>,
) -> Result<(), Error> {
    let tx = state.db.tenant(&mailbox.tenant).await?;
    if !mailboxes::hold(&tx, mailbox.connector).await? {
        return tx.commit().await;
    }
    let new = blobs::put(&tx, key, size, body).await?;
    if let Body::Object(object) = body
        && new
        && !blobs::spare(&tx, object).await?
    {
        return Err(Error::Transient("an object took longer to be written than it may".to_owned()));
    }
    if !attachments::settle(&tx, attachment, Some(key)).await? {
        blobs::drop_unnamed(&tx, vec![key.to_owned()]).await?;
    }
    tx.commit().await
}

/// Removes objects that nothing names.
async fn remove(state: &State, objects: &Objects) -> Result<(), Error> {
    loop {
        let tx = state.db.system().await?;
        let doomed = blobs::list_doomed(&tx, state.seams.clock.now(), OBJECTS).await?;
        tx.commit().await?;
        for one in &doomed {
            // Its row is held while it is removed: whoever is about to name it waits, and writes it anew.
            let tx = state.db.tenant(&one.tenant).await?;
            if blobs::spare(&tx, &one.object).await? {
                objects.delete(&one.object).await.map_err(|error| Error::Transient(error.to_string()))?;
            }
            tx.commit().await?;
        }
        if doomed.len() < OBJECTS {
            return Ok(());
        }
    }
}
