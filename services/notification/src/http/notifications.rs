//! `/api/notifications`: camelCase and millisecond epochs, here and in Socket.IO only.

pub mod bulk_read;
pub mod cleanup_old;
pub mod create;
pub mod explain;
pub mod get;
pub mod list;
pub mod mark;
pub mod stats;
pub mod view;
