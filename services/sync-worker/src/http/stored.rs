//! Bytes that lie in chunks, as they are asked for: what is held is the chunk that is read.

use std::io;
use std::ops::Range;

use actix_web::web::Bytes;
use futures_util::stream::{self, BoxStream};
use futures_util::{Stream, StreamExt as _};
use postrider_domain::{EmailId, TenantId};
use postrider_mail::{Cutter, Slice};
use postrider_storage::Db;
use tokio::sync::OwnedSemaphorePermit;

use crate::content::source::CHUNK;
use crate::store::{blobs, sources};

/// Bytes handed to the connection at once.
const PIECE: usize = 64 << 10;

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
    /// One chunk, in a transaction of its own: a slow client holds no connection.
    async fn read(&self, number: usize) -> io::Result<Bytes> {
        let chunk = async {
            let tx = self.db.tenant(&self.tenant).await?;
            let chunk = match &self.place {
                Place::Source(email) => sources::find_chunk(&tx, *email, number).await?,
                Place::Blob(key) => blobs::find_chunk(&tx, key, number).await?,
            };
            tx.commit().await?;
            Ok::<_, postrider_storage::Error>(chunk)
        };
        let chunk = chunk.await.map_err(io::Error::other)?;
        let chunk = chunk.ok_or_else(|| io::Error::other("a chunk is missing"))?;
        let unpacked = tokio::task::spawn_blocking(move || chunk.unpack(CHUNK)).await.map_err(io::Error::other)?;
        unpacked.map(Bytes::from)
    }
}

/// A range of what lies in chunks, in small pieces.
fn raw(chunks: Chunks, wanted: Range<u64>, room: OwnedSemaphorePermit) -> impl Stream<Item = io::Result<Bytes>> + Send {
    let state = (chunks, wanted, Bytes::new(), room);
    stream::try_unfold(state, |(chunks, mut wanted, mut held, room)| async move {
        if wanted.is_empty() {
            return Ok(None);
        }
        if held.is_empty() {
            let place = |at: u64| usize::try_from(at).map_err(io::Error::other);
            let (at, left) = (place(wanted.start)?, place(wanted.end - wanted.start)?);
            held = chunks.read(at / CHUNK).await?;
            let from = at % CHUNK;
            let to = from.saturating_add(left).min(held.len());
            if from >= to {
                return Err(io::Error::other("there is less than there was"));
            }
            held = held.slice(from..to);
        }
        let piece = held.split_to(held.len().min(PIECE));
        wanted.start += u64::try_from(piece.len()).unwrap_or(0);
        Ok(Some((piece, (chunks, wanted, held, room))))
    })
}
