//! What the service does: each act is one story of reading, asking Google and writing, whoever calls it (a route, a
//! consumer, a job). Transactions begin and end here; Google is never called inside one.
//!
//! Locks are always taken in this order: the address (advisory), the connector, its credential, its account, its
//! watch, its stream.

pub mod address_of;
pub mod bring;
pub mod connect;
pub mod consent;
pub mod disconnect;
pub mod end_grant;
pub mod lease;
pub mod pending;
pub mod persist;
pub mod reauth;
pub mod refresh;
pub mod select;
pub mod share;
pub mod token_source;
pub mod update;
pub mod watch;
