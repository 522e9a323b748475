//! Kept bytes, sources of mails and attachments alike, wherever they lie: in a row, in chunks, or in the object store. Whoever
//! reads them asks here, and need not know.

mod stored;

use std::io;
use std::ops::Range;

use futures_util::TryStreamExt as _;
use postrider_blobs::{BlobError, Objects};
use postrider_domain::{EmailId, TenantId};
use postrider_storage::{Db, Error};

pub use self::stored::{Place, Stored, cut};
use crate::content::source::{CHUNKED, Source};
use crate::store::{attachments, blobs, sources};

/// Why kept bytes cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum KeptError {
    #[error(transparent)]
    Database(#[from] Error),
    #[error(transparent)]
    Store(BlobError),
    #[error("a source lies in an object store, and ATTACHMENT_STORE names none")]
    NoStore,
    #[error("kept bytes cannot be read: {0}")]
    Damaged(io::Error),
}

impl KeptError {
    /// They are not there, or not as they were: nobody can read them later either.
    pub fn is_loss(&self) -> bool {
        matches!(self, Self::Damaged(_) | Self::Store(BlobError::NotFound))
    }
}

impl From<io::Error> for KeptError {
    fn from(error: io::Error) -> Self {
        let error = match error.downcast::<Error>() {
            Ok(error) => return Self::Database(error),
            Err(error) => error,
        };
        match error.downcast::<BlobError>() {
            Ok(error) => Self::Store(error),
            Err(error) => Self::Damaged(error),
        }
    }
}

/// For jobs, which try again.
impl From<KeptError> for Error {
    fn from(error: KeptError) -> Self {
        match error {
            KeptError::Database(error) => error,
            KeptError::Store(error) => Self::Transient(error.to_string()),
            KeptError::NoStore | KeptError::Damaged(_) => Self::Other(error.to_string()),
        }
    }
}

/// Where kept bytes are looked for. Cheap to clone.
#[derive(Clone)]
pub struct Vault {
    db: Db,
    objects: Option<Objects>,
}

/// Something that is kept.
pub enum Held {
    /// Small, and here; packed.
    Here(Source),
    /// Not read yet.
    There(Box<Stored>),
}

impl Held {
    /// All of it.
    ///
    /// # Errors
    /// It cannot be read.
    pub async fn whole(self) -> Result<Vec<u8>, KeptError> {
        match self {
            Self::Here(source) => Ok(source.unpack()?),
            Self::There(stored) => {
                let size = stored.size;
                let mut whole = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
                let mut pieces = stored.pieces(0..size);
                while let Some(piece) = pieces.try_next().await? {
                    whole.extend_from_slice(&piece);
                }
                let complete = u64::try_from(whole.len()).is_ok_and(|length| length == size);
                if complete { Ok(whole) } else { Err(io::Error::other("there is less than there was").into()) }
            }
        }
    }
}

impl Vault {
    /// Over the database, and the object store if there is one.
    pub fn new(db: Db, objects: Option<Objects>) -> Self {
        Self { db, objects }
    }

    /// The source of a mail; None where none is kept.
    ///
    /// # Errors
    /// Nobody can say, or it lies in a store that is not the one of today.
    pub async fn source(&self, tenant: &TenantId, email: EmailId) -> Result<Option<Held>, KeptError> {
        let tx = self.db.tenant(tenant).await?;
        let kept = sources::find(&tx, email).await?;
        let held = match kept {
            None => None,
            Some(sources::Kept { codec, size_bytes, bytes: Some(bytes), .. }) => {
                Some(Held::Here(Source { codec, size_bytes, bytes, chunks: Vec::new() }))
            }
            Some(sources::Kept { blob_key: Some(key), .. }) => {
                let lost = || KeptError::Damaged(io::Error::other("the blob of a source is not there"));
                let kept = blobs::find(&tx, &key).await?.ok_or_else(lost)?;
                Some(self.held(tenant, key, kept).ok_or(KeptError::NoStore)?)
            }
            Some(sources::Kept { codec: CHUNKED, size_bytes, .. }) => {
                Some(self.there(tenant, Place::Source(email), size_bytes))
            }
            Some(sources::Kept { size_bytes, .. }) => Some(self.there(tenant, Place::Lump(email), size_bytes)),
        };
        tx.commit().await?;
        Ok(held)
    }

    /// Where the large attachments of a mail stand in its source.
    ///
    /// # Errors
    /// Nobody can say.
    pub async fn large_attachments(
        &self,
        tenant: &TenantId,
        email: EmailId,
        least_bytes: i64,
    ) -> Result<Vec<Range<u64>>, KeptError> {
        let tx = self.db.tenant(tenant).await?;
        let places = attachments::list_places(&tx, email, least_bytes).await?;
        tx.commit().await?;
        Ok(places)
    }

    /// A blob; None where there is none, or it lies in a store that is not the one of today.
    ///
    /// # Errors
    /// Nobody can say.
    pub async fn blob(&self, tenant: &TenantId, key: &str) -> Result<Option<Held>, KeptError> {
        let tx = self.db.tenant(tenant).await?;
        let kept = blobs::find(&tx, key).await?;
        tx.commit().await?;
        Ok(kept.and_then(|kept| self.held(tenant, key.to_owned(), kept)))
    }

    fn held(&self, tenant: &TenantId, key: String, kept: blobs::Kept) -> Option<Held> {
        let blobs::Kept { size_bytes, codec, bytes, object } = kept;
        if let Some(name) = object {
            let objects = self.objects.clone()?;
            return Some(self.there(tenant, Place::Object(objects, name), size_bytes));
        }
        if codec == CHUNKED {
            return Some(self.there(tenant, Place::Blob(key), size_bytes));
        }
        Some(Held::Here(Source { codec, size_bytes, bytes, chunks: Vec::new() }))
    }

    fn there(&self, tenant: &TenantId, place: Place, size_bytes: i64) -> Held {
        let (vault, tenant, size) = (self.clone(), tenant.clone(), u64::try_from(size_bytes).unwrap_or(0));
        Held::There(Box::new(Stored { vault, tenant, place, size }))
    }
}
