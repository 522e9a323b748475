//! Keeps the bytes of attachments of accounts that want them kept (`eager`): cut from the stored source, by the hash of their
//! content, in Postgres or in the object store. And removes objects that nothing names. One replica at a time; what it did
//! not come to is found again.

use std::time::Duration;

use bytes::Bytes;
use postrider_blobs::Objects;
use postrider_storage::Error;
use sha2::{Digest as _, Sha256};
use tokio_util::sync::CancellationToken;

use crate::content::source::Source;
use crate::jobs::objects;
use crate::jobs::turn::Turn;
use crate::kept::Vault;
use crate::state::State;
use crate::store::attachments::{self, Keeper, Wanted};
use crate::store::blobs::{self, Body};
use crate::store::mailboxes;

/// Between two looks.
pub const EVERY: Duration = Duration::from_secs(10);
/// Taken again before every attachment.
const TURN: Turn = Turn { name: "keep_attachments", lease: Duration::from_secs(120) };
/// Mailboxes and attachments looked up at once.
const MAILBOXES: usize = 200;
const ATTACHMENTS: usize = 50;

/// Keeps what is to be kept, unless another replica is at it.
pub async fn run(state: &State, store: Option<&Objects>, stop: &CancellationToken) -> Result<(), Error> {
    let vault = Vault::new(state.db.clone(), store.cloned());
    let mut after = None;
    loop {
        if !TURN.take(state).await? {
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
                    if stop.is_cancelled() || !TURN.take(state).await? {
                        return Ok(());
                    }
                    keep(state, (&vault, store), &mailbox, &attachment).await?;
                }
            }
        }
    }
    if let Some(store) = store {
        objects::remove(state, store).await?;
    }
    TURN.end(state).await
}

/// An attachment cut out, and what names its content.
struct Cut {
    key: String,
    bytes: Bytes,
}

/// None where the mail, or the part, can no longer be read.
async fn cut(vault: &Vault, mailbox: &Keeper, attachment: &Wanted) -> Result<Option<Cut>, Error> {
    let whole = async {
        let held = vault.source(&mailbox.tenant, attachment.email_id).await?;
        if let Some(held) = held { held.whole().await.map(Some) } else { Ok(None) }
    };
    let source = match whole.await {
        Err(error) if !error.is_loss() => return Err(error.into()),
        Err(_) | Ok(None) => return Ok(None),
        Ok(Some(source)) => source,
    };
    let part = attachment.part_id.clone();
    let cut = move || {
        let bytes = Bytes::from(postrider_mail::attachment_bytes(&source, &part)?);
        Some(Cut { key: format!("{:x}", Sha256::digest(&bytes)), bytes })
    };
    tokio::task::spawn_blocking(cut).await.map_err(|error| Error::Other(error.to_string()))
}

async fn keep(
    state: &State,
    (vault, store): (&Vault, Option<&Objects>),
    mailbox: &Keeper,
    attachment: &Wanted,
) -> Result<(), Error> {
    let Some(Cut { key, bytes }) = cut(vault, mailbox, attachment).await? else {
        let tx = state.db.tenant(&mailbox.tenant).await?;
        attachments::settle(&tx, attachment, None).await?;
        return tx.commit().await;
    };
    let size = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
    match store {
        None => {
            let packed = tokio::task::spawn_blocking(move || Source::pack(&bytes)).await;
            let packed = packed.map_err(|error| Error::Other(error.to_string()))?;
            name(state, mailbox, attachment, (&key, size), Body::Here(&packed)).await
        }
        Some(store) => {
            let object = objects::write(state, store, &mailbox.tenant, &key, [bytes]).await?;
            name(state, mailbox, attachment, (&key, size), Body::Object(&object)).await
        }
    }
}

/// Makes the blob durable together with the row that names it.
async fn name(
    state: &State,
    mailbox: &Keeper,
    attachment: &Wanted,
    (key, size): (&str, i64),
    body: Body<'_>,
) -> Result<(), Error> {
    let tx = state.db.tenant(&mailbox.tenant).await?;
    if !mailboxes::hold(&tx, mailbox.connector).await? {
        return tx.commit().await;
    }
    objects::name(&tx, key, size, body).await?;
    if !attachments::settle(&tx, attachment, Some(key)).await? {
        blobs::drop_unnamed(&tx, vec![key.to_owned()]).await?;
    }
    tx.commit().await
}
