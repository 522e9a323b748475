//! Decisions without IO.

pub mod channel;
pub mod intake;
