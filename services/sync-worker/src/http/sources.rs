//! Sources of mails for requests: read, unpacked and cut away from the async threads, within one budget of memory, so
//! that twenty downloads of 30 MB wait for each other instead of filling the machine.

use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use actix_web::web::Bytes;
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt as _, TryStreamExt as _};
use moka::sync::Cache;
use postrider_blobs::BlobError;
use postrider_domain::{EmailId, TenantId};
use postrider_mail::Slice;
use postrider_web::Problem;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;

use super::api::problem;
use crate::content::source::CHUNK;
use crate::kept::{Held, KeptError, Place, Stored, Vault, cut};

/// Memory that sources of requests may take together, in KiB. One mail larger than all of it is read alone.
const ROOM_KIB: u32 = 256 << 10;
/// What a mail takes while it is read: packed, unpacked, and a part of it.
const TIMES: u64 = 3;
/// What counts of something that is read chunk by chunk: less than a chunk, packed, unpacked, and on its way.
const STREAMED: i64 = 1 << 20;
/// An attachment of so many bytes is not read where it is not needed.
const LARGE: i64 = 256 << 10;
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
    vault: Vault,
    room: Arc<Semaphore>,
    parts: Cache<Uuid, Bytes>,
}

/// Bytes that were asked for. They count against the budget until they are taken, unless they are kept anyway.
pub enum Found {
    /// In memory.
    Held(Bytes, Option<OwnedSemaphorePermit>),
    /// Read as they are taken, all of them or the part of that size.
    There { stored: Box<Stored>, part: Option<(Slice, u64)>, room: OwnedSemaphorePermit },
}

impl Found {
    /// How many there are.
    pub fn size(&self) -> usize {
        let size = |size: u64| usize::try_from(size).unwrap_or(usize::MAX);
        match self {
            Self::Held(bytes, _) => bytes.len(),
            Self::There { part: Some((_, bytes)), .. } => size(*bytes),
            Self::There { stored, .. } => size(stored.size),
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
            Self::There { stored, part: slice, room } => {
                let wanted = place(part.start)..place(part.end);
                let pieces = match slice {
                    None => stored.pieces(wanted),
                    Some((slice, _)) => {
                        let (from, cutter) = slice.cut(&wanted);
                        cut(stored.pieces(from), cutter)
                    }
                };
                pieces.inspect_ok(move |_piece| _ = &room).boxed()
            }
        }
    }
}

/// What a client is told of bytes that cannot be had.
fn refused(error: KeptError) -> Problem {
    match error {
        KeptError::Database(error) => problem(error),
        KeptError::Store(BlobError::Store(cause)) => {
            tracing::warn!(error = %cause, "a request found the attachment store away");
            Problem::unavailable("attachment_store_unavailable", PATIENCE, "The attachment store cannot answer now.")
        }
        lost => Problem::unexpected(lost),
    }
}

impl Sources {
    pub fn new(vault: Vault) -> Self {
        let weight = |_: &Uuid, bytes: &Bytes| u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let parts = Cache::builder().weigher(weight).max_capacity(KEPT).time_to_idle(KEPT_FOR).build();
        Self { vault, room: Arc::new(Semaphore::new(ROOM_KIB as usize)), parts }
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
        let Some(held) = self.vault.source(tenant, email).await.map_err(refused)? else { return Ok(None) };
        let raw = held.whole().await.map_err(refused)?;
        let made = tokio::task::spawn_blocking(move || make(raw)).await.map_err(Problem::unexpected)?;
        Ok(made.map(|made| (made, room)))
    }

    /// As [`Self::read`], of a source without its large attachments: what is shown of a mail is the same.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub async fn read_around<T: Send + 'static>(
        &self,
        tenant: &TenantId,
        email: EmailId,
        size_bytes: i64,
        make: impl FnOnce(Vec<u8>) -> Option<T> + Send + 'static,
    ) -> Result<Option<(T, OwnedSemaphorePermit)>, Problem> {
        let Some(Found::There { stored, room, .. }) = self.there(tenant, email, size_bytes, None).await? else {
            return self.read(tenant, email, size_bytes, make).await;
        };
        let attachments = self.vault.large_attachments(tenant, email, LARGE).await.map_err(refused)?;
        let ranges = postrider_mail::around(stored.size, attachments);
        let size: u64 = ranges.iter().map(|range| range.end - range.start).sum();
        drop(room);
        let room = self.room(i64::try_from(size).unwrap_or(i64::MAX)).await?;
        let mut raw = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
        for range in ranges {
            let mut pieces = stored.as_ref().clone().pieces(range);
            while let Some(piece) = pieces.try_next().await.map_err(|error| refused(error.into()))? {
                raw.extend_from_slice(&piece);
            }
        }
        let made = tokio::task::spawn_blocking(move || make(raw)).await.map_err(Problem::unexpected)?;
        Ok(made.map(|made| (made, room)))
    }

    /// The whole source.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub async fn whole(&self, tenant: &TenantId, email: EmailId, size_bytes: i64) -> Result<Option<Found>, Problem> {
        if let Some(there) = self.there(tenant, email, size_bytes, None).await? {
            return Ok(Some(there));
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
            && let Some(there) = self.there(tenant, email, size_bytes, slice).await?
        {
            return Ok(Some(there));
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
        let held = self.vault.blob(tenant, key).await.map_err(refused)?;
        let room = self.room(STREAMED).await?;
        match held {
            None => Ok(None),
            Some(Held::There(stored)) => Ok(Some(Found::There { stored, part: None, room })),
            Some(here) => Ok(Some(Found::Held(here.whole().await.map_err(refused)?.into(), Some(room)))),
        }
    }

    /// What is large and can be read bit by bit; None for what cannot.
    async fn there(
        &self,
        tenant: &TenantId,
        email: EmailId,
        size_bytes: i64,
        part: Option<(Slice, u64)>,
    ) -> Result<Option<Found>, Problem> {
        if usize::try_from(size_bytes).is_ok_and(|size| size <= CHUNK) {
            return Ok(None);
        }
        match self.vault.source(tenant, email).await.map_err(refused)? {
            Some(Held::There(stored)) if !matches!(stored.place, Place::Lump(_)) => {
                let room = self.room(STREAMED).await?;
                Ok(Some(Found::There { stored, part, room }))
            }
            _ => Ok(None),
        }
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
