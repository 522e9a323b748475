//! Decisions without IO: what a history says about each mail, what becomes of it, when to look again.
//!
//! Everything here is plain values in, plain values out; the engine reads, asks these rules, and writes.

pub mod announce;
pub mod change;
pub mod conditional;
pub mod decide;
pub mod disposition;
pub mod due;
pub mod flags;
pub mod follow_up;
pub mod ids;
pub mod listing_place;
pub mod mbox;
pub mod park;
pub mod range;
pub mod recount;
pub mod search;
pub mod settle;
pub mod slices;
pub mod unseen;
pub mod window;
pub mod words;
