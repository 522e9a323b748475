//! Connecting through Google's pages.

pub mod callback;
pub mod confirm;
mod cookie;
pub mod gmail;
mod page;
pub mod respond;
pub mod url;
