//! Bytes that lie in chunks, as they are asked for: what is held is a piece of the chunk that is read.

use std::io;
use std::ops::Range;

use actix_web::web::Bytes;
use futures_util::stream::{self, BoxStream};
use futures_util::{Stream, StreamExt as _};
use postrider_domain::{EmailId, TenantId};
use postrider_mail::{Cutter, Slice};
use postrider_storage::Db;
use tokio::sync::OwnedSemaphorePermit;

use crate::content::source::{CHUNK, Chunk, Unpacking};
use crate::store::{blobs, sources};

/// Bytes handed to the connection at once.
const PIECE: usize = 64 << 10;
/// Stored bytes read at once. A whole chunk at a time, copied on its way from the database, took 20 MiB.
const STEP: usize = 128 << 10;

/// Something in chunks, not read yet.
pub struct Stored {
    pub db: Db,
    pub tenant: TenantId,
    pub place: Place,
    /// How many bytes lie there.
    pub bytes: u64,
    /// The part of them that is meant, and how many bytes that has; all without.
    pub part: Option<(Slice, u64)>,
    /// Room for what is held while it is read.
    pub room: OwnedSemaphorePermit,
}

/// Where chunks lie.
pub enum Place {
    /// A mail's source.
    Source(EmailId),
    /// A kept attachment, by its key.
    Blob(String),
}

impl Stored {
    /// How many bytes there are.
    pub fn size(&self) -> u64 {
        self.part.map_or(self.bytes, |(_, size)| size)
    }

    /// Some of them. A chunk that cannot be read ends the stream with an error: the connection breaks off.
    pub fn pieces(self, wanted: Range<u64>) -> BoxStream<'static, io::Result<Bytes>> {
        let Self { db, tenant, place, part, room, .. } = self;
        let Some((slice, _)) = part else {
            return raw(Chunks { db, tenant, place }, wanted, room).boxed();
        };
        let (from, cutter) = slice.cut(&wanted);
        let source = raw(Chunks { db, tenant, place }, from, room).boxed();
        stream::try_unfold((source, cutter, false), |(source, cutter, ended)| cut(source, cutter, ended)).boxed()
    }
}

type Cutting = (BoxStream<'static, io::Result<Bytes>>, Cutter, bool);

/// The next piece of a part that has anything in it.
async fn cut(
    mut source: BoxStream<'static, io::Result<Bytes>>,
    mut cutter: Cutter,
    mut ended: bool,
) -> io::Result<Option<(Bytes, Cutting)>> {
    while !ended && !cutter.is_done() {
        let bytes = match source.next().await {
            Some(piece) => cutter.push(&piece?),
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
}

struct Chunks {
    db: Db,
    tenant: TenantId,
    place: Place,
}

impl Chunks {
    /// Some stored bytes of a chunk, in a transaction of its own: a slow client holds no connection.
    async fn read(&self, number: usize, from: usize) -> io::Result<Chunk> {
        let chunk = async {
            let tx = self.db.tenant(&self.tenant).await?;
            let chunk = match &self.place {
                Place::Source(email) => sources::find_chunk(&tx, *email, number, from, STEP).await?,
                Place::Blob(key) => blobs::find_chunk(&tx, key, number, from, STEP).await?,
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
fn raw(chunks: Chunks, wanted: Range<u64>, room: OwnedSemaphorePermit) -> impl Stream<Item = io::Result<Bytes>> + Send {
    let state = (chunks, wanted, None::<Open>, Bytes::new(), room);
    stream::try_unfold(state, |(chunks, mut wanted, mut open, mut held, room)| async move {
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
        Ok(Some((piece, (chunks, wanted, open, held, room))))
    })
}
