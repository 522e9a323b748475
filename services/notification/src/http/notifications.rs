//! `/api/notifications`: camelCase and millisecond epochs (api.md §0).

pub mod bulk_read;
pub mod create;
pub mod explain;
pub mod get;
pub mod list;
pub mod mark;
pub mod stats;
pub mod view;
