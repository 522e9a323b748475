//! Access tokens: leased while they last, refreshed once for all who wait, given to our own calls to Gmail.

pub mod client;
pub mod lease;
mod refresh;
pub mod source;
