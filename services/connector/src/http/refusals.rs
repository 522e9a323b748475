//! What Gmail refuses an account for good.

pub mod create;
