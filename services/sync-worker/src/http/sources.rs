//! Sources of mails for requests: read, unpacked and cut away from the async threads, within one budget of memory, so
//! that twenty downloads of 30 MB wait for each other instead of filling the machine.

use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use actix_web::web::Bytes;
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt as _, TryFutureExt as _, TryStreamExt as _};
use moka::sync::Cache;
use postrider_blobs::Objects;
use postrider_domain::{EmailId, TenantId};
use postrider_mail::Slice;
use postrider_storage::{Db, Error};
use postrider_web::Problem;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;

use super::api::problem;
use super::stored::{Place, Stored};
use crate::content::source::{CHUNK, Source};
use crate::store::{blobs, sources};

/// Memory that sources of requests may take together, in KiB. One mail larger than all of it is read alone.
const ROOM_KIB: u32 = 256 << 10;
/// What a mail takes while it is read: packed, unpacked, and a part of it.
const TIMES: u64 = 3;
/// What counts of something that is read chunk by chunk: less than a chunk, packed, unpacked, and on its way.
const STREAMED: i64 = 1 << 20;
/// Bytes handed to the connection at once.
const PIECE: usize = 64 << 10;
/// How long a request waits for room.
const PATIENCE: Duration = Duration::from_secs(10);
/// Parts kept for the next range of them, in bytes, and for how long after the last one.
const KEPT: u64 = 32 << 20;
const KEPT_FOR: Duration = Duration::from_secs(60);

/// Reads sources. Cheap to clone.
#[derive(Clone)]
pub struct Sources {
    db: Db,
    /// Where kept attachments lie, if not in Postgres.
    objects: Option<Objects>,
    room: Arc<Semaphore>,
    parts: Cache<Uuid, Bytes>,
}

/// Bytes that were asked for.
pub enum Found {
    /// In memory; they count against the budget until they are dropped, unless they are kept anyway.
    Held(Bytes, Option<OwnedSemaphorePermit>),
    /// In chunks, read as they are taken.
    Stored(Box<Stored>),
    /// In the object store, with their number.
    Object { objects: Objects, name: String, size: u64, room: OwnedSemaphorePermit },
}

impl Found {
    /// How many there are.
    pub fn size(&self) -> usize {
        match self {
            Self::Held(bytes, _) => bytes.len(),
            Self::Stored(stored) => usize::try_from(stored.size()).unwrap_or(usize::MAX),
            Self::Object { size, .. } => usize::try_from(*size).unwrap_or(usize::MAX),
        }
    }

    /// Some of them, in pieces.
    pub fn pieces(self, part: Range<usize>) -> BoxStream<'static, io::Result<Bytes>> {
        let place = |at: usize| u64::try_from(at).unwrap_or(u64::MAX);
        match self {
            Self::Held(bytes, room) => {
                let rest = bytes.slice(part);
                stream::try_unfold((rest, room), |(mut rest, room)| async move {
                    let piece: Bytes = rest.split_to(rest.len().min(PIECE));
                    Ok((!piece.is_empty()).then_some((piece, (rest, room))))
                })
                .boxed()
            }
            Self::Stored(stored) => stored.pieces(place(part.start)..place(part.end)),
            Self::Object { .. } if part.is_empty() => stream::empty().boxed(),
            Self::Object { objects, name, room, .. } => {
                let wanted = place(part.start)..place(part.end);
                let pieces = async move { objects.read(&name, wanted).await.map_err(io::Error::other) };
                pieces.try_flatten_stream().inspect_ok(move |_piece| _ = &room).boxed()
            }
        }
    }
}

impl Sources {
    pub fn new(db: Db, objects: Option<Objects>) -> Self {
        let weight = |_: &Uuid, bytes: &Bytes| u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let parts = Cache::builder().weigher(weight).max_capacity(KEPT).time_to_idle(KEPT_FOR).build();
        Self { db, objects, room: Arc::new(Semaphore::new(ROOM_KIB as usize)), parts }
    }

    /// What `make` makes of a mail's source, whose size is known. None where no source is kept, or nothing can be made.
    ///
    /// # Errors
    /// 503 `busy` when too many others are read.
    pub async fn read<T: Send + 'static>(
        &self,
        tenant: &TenantId,
        email: EmailId,
        size_bytes: i64,
        make: impl FnOnce(Vec<u8>) -> Option<T> + Send + 'static,
    ) -> Result<Option<(T, OwnedSemaphorePermit)>, Problem> {
        let room = self.room(size_bytes).await?;
        let source = async {
            let tx = self.db.tenant(tenant).await?;
            let source = sources::find(&tx, email).await?;
            tx.commit().await?;
            Ok::<_, Error>(source)
        };
        let Some(source) = source.await.map_err(problem)? else { return Ok(None) };
        let made = tokio::task::spawn_blocking(move || source.unpack().map(make));
        let made = made.await.map_err(Problem::unexpected)?.map_err(Problem::unexpected)?;
        Ok(made.map(|made| (made, room)))
    }

    /// The whole source.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub async fn whole(&self, tenant: &TenantId, email: EmailId, size_bytes: i64) -> Result<Option<Found>, Problem> {
        if let Some(stored) = self.stored(tenant, email, size_bytes, None).await? {
            return Ok(Some(stored));
        }
        let read = self.read(tenant, email, size_bytes, |raw| Some(Bytes::from(raw))).await?;
        Ok(read.map(|(bytes, room)| Found::Held(bytes, Some(room))))
    }

    /// An attachment, cut from its place. One that is made in memory is kept for a while: who plays a film asks for it range
    /// by range.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub async fn part(
        &self,
        tenant: &TenantId,
        (email, size_bytes): (EmailId, i64),
        (attachment, part_id): (Uuid, String),
        slice: Option<(Slice, u64)>,
    ) -> Result<Option<Found>, Problem> {
        if slice.is_some()
            && let Some(stored) = self.stored(tenant, email, size_bytes, slice).await?
        {
            return Ok(Some(stored));
        }
        if let Some(bytes) = self.parts.get(&attachment) {
            return Ok(Some(Found::Held(bytes, None)));
        }
        let cut = move |raw: Vec<u8>| postrider_mail::attachment_bytes(&raw, &part_id).map(Bytes::from);
        let Some((bytes, room)) = self.read(tenant, email, size_bytes, cut).await? else { return Ok(None) };
        self.parts.insert(attachment, bytes.clone());
        Ok(Some(Found::Held(bytes, Some(room))))
    }

    /// A kept attachment; None where it is kept no more, or in a store that is not the one of today.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub async fn blob(&self, tenant: &TenantId, key: &str) -> Result<Option<Found>, Problem> {
        let kept = async {
            let tx = self.db.tenant(tenant).await?;
            let kept = blobs::find(&tx, key).await?;
            tx.commit().await?;
            Ok::<_, Error>(kept)
        };
        let Some(kept) = kept.await.map_err(problem)? else { return Ok(None) };
        let size = u64::try_from(kept.size_bytes).unwrap_or(0);
        if let Some(name) = kept.object {
            let Some(objects) = self.objects.clone() else { return Ok(None) };
            let room = self.room(STREAMED).await?;
            return Ok(Some(Found::Object { objects, name, size, room }));
        }
        let source = Source { codec: kept.codec, size_bytes: kept.size_bytes, bytes: kept.bytes, chunks: Vec::new() };
        let room = self.room(STREAMED).await?;
        if source.is_chunked() {
            let (db, tenant, place) = (self.db.clone(), tenant.clone(), Place::Blob(key.to_owned()));
            return Ok(Some(Found::Stored(Box::new(Stored { db, tenant, place, bytes: size, part: None, room }))));
        }
        let bytes = Bytes::from(source.unpack().map_err(Problem::unexpected)?);
        Ok(Some(Found::Held(bytes, Some(room))))
    }

    /// What lies in chunks; None for what does not.
    async fn stored(
        &self,
        tenant: &TenantId,
        email: EmailId,
        size_bytes: i64,
        part: Option<(Slice, u64)>,
    ) -> Result<Option<Found>, Problem> {
        if usize::try_from(size_bytes).is_ok_and(|size| size <= CHUNK) {
            return Ok(None);
        }
        let kept = async {
            let tx = self.db.tenant(tenant).await?;
            let kept = sources::find_kept(&tx, email).await?;
            tx.commit().await?;
            Ok::<_, Error>(kept)
        };
        let Some(kept) = kept.await.map_err(problem)?.filter(|kept| kept.chunked) else { return Ok(None) };
        let room = self.room(STREAMED).await?;
        let (db, tenant, place) = (self.db.clone(), tenant.clone(), Place::Source(email));
        let bytes = u64::try_from(kept.size_bytes).unwrap_or(0);
        Ok(Some(Found::Stored(Box::new(Stored { db, tenant, place, bytes, part, room }))))
    }

    async fn room(&self, size_bytes: i64) -> Result<OwnedSemaphorePermit, Problem> {
        let kib = u64::try_from(size_bytes).unwrap_or(0).saturating_mul(TIMES) / 1_024 + 1;
        let kib = u32::try_from(kib).unwrap_or(ROOM_KIB).min(ROOM_KIB);
        match tokio::time::timeout(PATIENCE, self.room.clone().acquire_many_owned(kib)).await {
            Ok(Ok(room)) => Ok(room),
            Ok(Err(closed)) => Err(Problem::unexpected(closed)),
            Err(_elapsed) => {
                Err(Problem::unavailable("busy", PATIENCE, "Too many mails are being read: try again in a moment."))
            }
        }
    }
}
