//! Google's watch, by request of an owner.

pub mod optional_body;
pub mod start;
pub mod stop;
