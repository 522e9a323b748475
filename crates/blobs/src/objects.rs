//! Objects of a store, by name.

use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt as _, TryStreamExt as _};
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{ClientConfigKey, Error, GetOptions, ObjectStore, ObjectStoreExt as _, RetryConfig};

use crate::AttachmentStore;

/// A connection comes soon or not at all; a whole object may take long.
const PATIENCE: [(ClientConfigKey, &str); 2] =
    [(ClientConfigKey::ConnectTimeout, "5 seconds"), (ClientConfigKey::Timeout, "10 minutes")];
/// Tries and their pauses together.
const RETRY_FOR: Duration = Duration::from_secs(20);
const TRIES: usize = 4;

/// What can go wrong with an object.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    #[error("there is no such object")]
    NotFound,
    /// The store's own words; they hold no credentials.
    #[error("the attachment store failed: {0}")]
    Store(#[source] Error),
}

impl From<Error> for BlobError {
    fn from(error: Error) -> Self {
        match error {
            Error::NotFound { .. } => Self::NotFound,
            other => Self::Store(other),
        }
    }
}

/// A store of objects. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Objects(Arc<dyn ObjectStore>);

impl Objects {
    /// Opens the store of a setting; none for Postgres. Reads credentials from the environment; asks the store nothing.
    ///
    /// # Errors
    /// The folder cannot be made, or the environment describes no store.
    pub fn open(setting: &AttachmentStore) -> Result<Option<Self>, BlobError> {
        let retry = RetryConfig { max_retries: TRIES, retry_timeout: RETRY_FOR, ..RetryConfig::default() };
        let (store, folder): (Arc<dyn ObjectStore>, &str) = match setting {
            AttachmentStore::Postgres => return Ok(None),
            AttachmentStore::Files(path) => {
                std::fs::create_dir_all(path)
                    .map_err(|error| Error::Generic { store: "file", source: Box::new(error) })?;
                // A crash leaves a whole file or none.
                (Arc::new(LocalFileSystem::new_with_prefix(path)?.with_fsync(true)), "")
            }
            AttachmentStore::S3 { bucket, folder } => {
                let patience = PATIENCE.map(|(key, value)| (AmazonS3ConfigKey::Client(key), value));
                let builder = AmazonS3Builder::from_env().with_bucket_name(bucket).with_retry(retry);
                let builder =
                    patience.into_iter().fold(builder, |builder, (key, value)| builder.with_config(key, value));
                (Arc::new(builder.build()?), folder)
            }
            AttachmentStore::Gcs { bucket, folder } => {
                let patience = PATIENCE.map(|(key, value)| (GoogleConfigKey::Client(key), value));
                let builder = GoogleCloudStorageBuilder::from_env().with_bucket_name(bucket).with_retry(retry);
                let builder =
                    patience.into_iter().fold(builder, |builder, (key, value)| builder.with_config(key, value));
                (Arc::new(builder.build()?), folder)
            }
        };
        Ok(Some(if folder.is_empty() { Self(store) } else { Self(Arc::new(PrefixStore::new(store, folder))) }))
    }

    /// Over a store of the caller's, such as one in memory.
    pub fn over(store: Arc<dyn ObjectStore>) -> Self {
        Self(store)
    }

    /// Writes an object of these pieces. It is there as a whole once this returns.
    ///
    /// # Errors
    /// The store failed.
    pub async fn put(&self, name: &str, pieces: impl IntoIterator<Item = Bytes>) -> Result<(), BlobError> {
        self.0.put(&Path::from(name), pieces.into_iter().collect()).await?;
        Ok(())
    }

    /// Some bytes of an object, as they come.
    ///
    /// # Errors
    /// There is none, or the store failed; later failures are in the stream, as [`BlobError`] too.
    pub async fn read(
        &self,
        name: &str,
        wanted: Range<u64>,
    ) -> Result<BoxStream<'static, io::Result<Bytes>>, BlobError> {
        let options = GetOptions { range: Some(wanted.into()), ..GetOptions::default() };
        let found = self.0.get_opts(&Path::from(name), options).await?;
        Ok(found.into_stream().map_err(|error| io::Error::other(BlobError::from(error))).boxed())
    }

    /// Removes an object; one that is not there does no harm.
    ///
    /// # Errors
    /// The store failed.
    pub async fn delete(&self, name: &str) -> Result<(), BlobError> {
        match self.0.delete(&Path::from(name)).await.map_err(BlobError::from) {
            Ok(()) | Err(BlobError::NotFound) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
