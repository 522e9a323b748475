//! All SQL of the service, one file a table. Functions take the open transaction; callers own its limits.

pub mod accounts;
pub mod list;
pub mod log;
pub mod mark;
pub mod notifications;
pub mod preferences;
pub mod suppressions;
pub mod users;
