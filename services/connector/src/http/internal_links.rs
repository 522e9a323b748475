//! Links the service makes for a mail of its own installation.

pub mod create;
