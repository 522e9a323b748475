//! Connecting through Google's pages.

pub mod callback;
pub mod confirm;
pub mod gmail;
pub mod respond;
pub mod url;
