//! Sources of mails for requests: read, unpacked and cut away from the async threads, within one budget of memory, so
//! that twenty downloads of 30 MB wait for each other instead of filling the machine.

use std::sync::Arc;
use std::time::Duration;

use actix_web::web::Bytes;
use moka::sync::Cache;
use postrider_domain::{EmailId, TenantId};
use postrider_storage::{Db, Error};
use postrider_web::Problem;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;

use super::api::problem;
use crate::store::sources;

/// Memory that sources of requests may take together, in KiB. One mail larger than all of it is read alone.
const ROOM_KIB: u32 = 256 << 10;
/// What a mail takes while it is read: packed, unpacked, and a part of it.
const TIMES: u64 = 3;
/// How long a request waits for room.
const PATIENCE: Duration = Duration::from_secs(10);
/// Parts kept for the next range of them, in bytes, and for how long after the last one.
const KEPT: u64 = 32 << 20;
const KEPT_FOR: Duration = Duration::from_secs(60);

/// Reads sources. Cheap to clone.
#[derive(Clone)]
pub struct Sources {
    db: Db,
    room: Arc<Semaphore>,
    parts: Cache<Uuid, Bytes>,
}

/// Bytes that count against the budget until they are dropped.
pub struct Held {
    pub bytes: Bytes,
    /// None for what is kept anyway.
    room: Option<OwnedSemaphorePermit>,
}

impl Held {
    pub fn into_parts(self) -> (Bytes, Option<OwnedSemaphorePermit>) {
        (self.bytes, self.room)
    }
}

impl Sources {
    pub fn new(db: Db) -> Self {
        let weight = |_: &Uuid, bytes: &Bytes| u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let parts = Cache::builder().weigher(weight).max_capacity(KEPT).time_to_idle(KEPT_FOR).build();
        Self { db, room: Arc::new(Semaphore::new(ROOM_KIB as usize)), parts }
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
    pub async fn whole(&self, tenant: &TenantId, email: EmailId, size_bytes: i64) -> Result<Option<Held>, Problem> {
        let read = self.read(tenant, email, size_bytes, |raw| Some(Bytes::from(raw))).await?;
        Ok(read.map(|(bytes, room)| Held { bytes, room: Some(room) }))
    }

    /// An attachment, cut from its place. Kept for a while: who plays a film asks for it range by range.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub async fn part(
        &self,
        tenant: &TenantId,
        (email, size_bytes): (EmailId, i64),
        (attachment, part_id): (Uuid, String),
    ) -> Result<Option<Held>, Problem> {
        if let Some(bytes) = self.parts.get(&attachment) {
            return Ok(Some(Held { bytes, room: None }));
        }
        let cut = move |raw: Vec<u8>| postrider_mail::attachment_bytes(&raw, &part_id).map(Bytes::from);
        let Some((bytes, room)) = self.read(tenant, email, size_bytes, cut).await? else { return Ok(None) };
        self.parts.insert(attachment, bytes.clone());
        Ok(Some(Held { bytes, room: Some(room) }))
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
