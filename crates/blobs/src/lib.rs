//! Bytes of sources and attachments outside Postgres: in files, S3 or Google Cloud Storage, by one setting.
//!
//! An object is written once under a name that nobody else uses and never changes; whoever keeps the names decides when it
//! goes.

mod objects;
mod setting;

pub use objects::{BlobError, Objects};
pub use setting::{AttachmentStore, SettingError};
