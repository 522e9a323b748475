//! Decisions without IO: where a request comes from, who a caller is, which spellings of a path
//! count, which headers pass, which replica holds a socket session, what a key is and what a repeated write.

pub mod api_key;
pub mod client_address;
pub mod headers;
pub mod idempotency;
pub mod identity;
pub mod path;
pub mod sticky;
