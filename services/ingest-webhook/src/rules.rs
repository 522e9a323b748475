//! Decisions without IO.

pub mod intake;
