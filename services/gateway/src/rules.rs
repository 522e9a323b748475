//! Decisions without IO: where a request comes from, who a caller is, which spellings of a path
//! count, which headers pass, which replica holds a socket session.

pub mod client_address;
pub mod headers;
pub mod identity;
pub mod path;
pub mod sticky;
