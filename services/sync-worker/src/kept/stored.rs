//! Bytes that lie elsewhere than in one row, as they are asked for: what is held is a piece of the chunk that is read.

use std::io;
use std::ops::Range;

use bytes::Bytes;
use futures_util::stream::{self, BoxStream};
use futures_util::{Stream, StreamExt as _, TryFutureExt as _, TryStreamExt as _};
use postrider_blobs::Objects;
use postrider_domain::{EmailId, TenantId};
use postrider_mail::Cutter;

use super::{Held, Vault};
use crate::content::source::{CHUNK, Chunk, Unpacking};
use crate::store::{blobs, sources};

/// Bytes handed on at once.
const PIECE: usize = 64 << 10;
/// Stored bytes read at once. A whole chunk at a time, copied on its way from the database, took 20 MiB.
const STEP: usize = 128 << 10;

/// Pieces of something, in order.
pub type Pieces = BoxStream<'static, io::Result<Bytes>>;

/// Something that is not read yet.
#[derive(Clone)]
pub struct Stored {
    pub vault: Vault,
    pub tenant: TenantId,
    pub place: Place,
    /// How many bytes lie there.
    pub size: u64,
}

/// Where bytes lie.
#[derive(Clone)]
pub enum Place {
    /// A mail's source, in chunks.
    Source(EmailId),
    /// A mail's source, packed as one: whoever reads a part of it reads all of it.
    Lump(EmailId),
    /// A blob in chunks, by its key.
    Blob(String),
    /// An object of the store, by its name.
    Object(Objects, String),
}

impl Stored {
    /// Some of them. What cannot be read ends the stream with an error; but a source that was moved meanwhile is read on where
    /// it lies now.
    pub fn pieces(self, wanted: Range<u64>) -> Pieces {
        let Place::Source(email) = self.place else { return self.read(wanted) };
        let (vault, tenant, end) = (self.vault.clone(), self.tenant.clone(), wanted.end);
        let state = (self.read(wanted.clone()), wanted.start, Some((vault, tenant)));
        stream::try_unfold(state, move |(mut pieces, at, mut elsewhere)| async move {
            let mut next = pieces.try_next().await;
            if next.is_err()
                && let Some((vault, tenant)) = elsewhere.take()
                && let Ok(Some(Held::There(moved))) = vault.source(&tenant, email).await
                && !matches!(moved.place, Place::Source(_))
            {
                pieces = moved.read(at..end);
                next = pieces.try_next().await;
            }
            Ok(next?.map(|piece| {
                let at = at + u64::try_from(piece.len()).unwrap_or(0);
                (piece, (pieces, at, elsewhere))
            }))
        })
        .boxed()
    }

    fn read(self, wanted: Range<u64>) -> Pieces {
        let Self { vault, tenant, place, size } = self;
        match place {
            _ if wanted.is_empty() => stream::empty().boxed(),
            Place::Object(objects, name) => {
                let read = async move { objects.read(&name, wanted).await.map_err(io::Error::other) };
                read.try_flatten_stream().boxed()
            }
            Place::Lump(email) => unpacked(vault, tenant, email, (size, wanted)).try_flatten_stream().boxed(),
            Place::Source(_) | Place::Blob(_) => in_chunks(Chunks { vault, tenant, place }, wanted).boxed(),
        }
    }
}

/// A part of some bytes, cut out of those around it.
pub fn cut(source: Pieces, cutter: Cutter) -> Pieces {
    stream::try_unfold((source, cutter, false), |(mut source, mut cutter, mut ended)| async move {
        while !ended && !cutter.is_done() {
            let bytes = match source.try_next().await? {
                Some(piece) => cutter.push(&piece),
                None => {
                    ended = true;
                    cutter.end()
                }
            };
            if !bytes.is_empty() {
                return Ok(Some((Bytes::from(bytes), (source, cutter, ended))));
            }
        }
        Ok(None)
    })
    .boxed()
}

/// A range of what is packed as one, of so many bytes.
async fn unpacked(
    vault: Vault,
    tenant: TenantId,
    email: EmailId,
    (size, wanted): (u64, Range<u64>),
) -> io::Result<impl Stream<Item = io::Result<Bytes>> + Send> {
    let lump = async {
        let tx = vault.db.tenant(&tenant).await?;
        let lump = sources::find_lump(&tx, email).await?;
        tx.commit().await?;
        Ok::<_, postrider_storage::Error>(lump)
    };
    let lump = lump.await.map_err(io::Error::other)?.ok_or_else(|| io::Error::other("a source is missing"))?;
    let place = |at: u64| usize::try_from(at).map_err(io::Error::other);
    let (size, from, to) = (place(size)?, place(wanted.start)?, place(wanted.end)?);
    let whole = tokio::task::spawn_blocking(move || lump.unpack(size)).await.map_err(io::Error::other)??;
    if to > whole.len() {
        return Err(io::Error::other("there is less than there was"));
    }
    let rest = Bytes::from(whole).slice(from..to);
    Ok(stream::iter((0..rest.len()).step_by(PIECE).map(move |at| Ok(rest.slice(at..rest.len().min(at + PIECE))))))
}

struct Chunks {
    vault: Vault,
    tenant: TenantId,
    place: Place,
}

impl Chunks {
    /// Some stored bytes of a chunk, in a transaction of its own: a slow client holds no connection.
    async fn read(&self, number: usize, from: usize) -> io::Result<Chunk> {
        let chunk = async {
            let tx = self.vault.db.tenant(&self.tenant).await?;
            let chunk = match &self.place {
                Place::Source(email) => sources::find_chunk(&tx, *email, number, from, STEP).await?,
                Place::Blob(key) => blobs::find_chunk(&tx, key, number, from, STEP).await?,
                Place::Lump(_) | Place::Object(..) => None,
            };
            tx.commit().await?;
            Ok::<_, postrider_storage::Error>(chunk)
        };
        let chunk = chunk.await.map_err(io::Error::other)?;
        chunk.ok_or_else(|| io::Error::other("a chunk is missing"))
    }
}

/// A chunk that is being read.
struct Open {
    number: usize,
    /// Stored bytes that were read.
    read: usize,
    /// Unpacked bytes before the first that is wanted.
    skip: usize,
    unpacking: Option<Unpacking>,
}

impl Open {
    fn at(place: usize) -> Self {
        Self { number: place / CHUNK, read: 0, skip: place % CHUNK, unpacking: None }
    }

    /// What the next stored bytes bring, and whether they were the last.
    async fn next(&mut self, chunks: &Chunks) -> io::Result<(Bytes, bool)> {
        let chunk = chunks.read(self.number, self.read).await?;
        self.read += chunk.bytes.len();
        let ended = chunk.bytes.len() < STEP;
        let mut bytes = Bytes::from(if chunk.is_packed() {
            let unpacking = match self.unpacking.take() {
                Some(unpacking) => unpacking,
                None => Unpacking::new()?,
            };
            self.unpacking.insert(unpacking).push(&chunk.bytes)?
        } else {
            chunk.bytes
        });
        let skipped = self.skip.min(bytes.len());
        self.skip -= skipped;
        Ok((bytes.split_off(skipped), ended))
    }
}

/// A range of what lies in chunks, in small pieces.
fn in_chunks(chunks: Chunks, wanted: Range<u64>) -> impl Stream<Item = io::Result<Bytes>> + Send {
    let state = (chunks, wanted, None::<Open>, Bytes::new());
    stream::try_unfold(state, |(chunks, mut wanted, mut open, mut held)| async move {
        if wanted.is_empty() {
            return Ok(None);
        }
        let place = |at: u64| usize::try_from(at).map_err(io::Error::other);
        while held.is_empty() {
            let mut chunk = match open.take() {
                Some(chunk) => chunk,
                None => Open::at(place(wanted.start)?),
            };
            let (bytes, ended) = chunk.next(&chunks).await?;
            // One that ends with a step is known to have ended by the next.
            if ended && bytes.is_empty() && place(wanted.start)? / CHUNK == chunk.number {
                return Err(io::Error::other("there is less than there was"));
            }
            held = bytes;
            open = (!ended).then_some(chunk);
        }
        let left = place(wanted.end.saturating_sub(wanted.start))?;
        let piece = held.split_to(held.len().min(PIECE).min(left));
        wanted.start += u64::try_from(piece.len()).unwrap_or(0);
        Ok(Some((piece, (chunks, wanted, open, held))))
    })
}
