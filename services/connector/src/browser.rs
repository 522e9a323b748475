//! What travels through people's browsers: random tokens, the start cookie, and the few pages we show ourselves.

pub mod cookie;
pub mod page;
pub mod token;
