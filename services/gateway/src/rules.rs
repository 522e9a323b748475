//! Decisions without IO: who a caller is, which headers pass, which replica holds a socket session.

pub mod headers;
pub mod identity;
pub mod sticky;
