//! `/api/notifications/preferences`.

pub mod get;
