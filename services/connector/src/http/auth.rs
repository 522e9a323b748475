//! Connecting through Google's pages.

pub mod callback;
pub mod confirm;
pub mod cookie;
pub mod gmail;
pub mod page;
pub mod respond;
pub mod url;
