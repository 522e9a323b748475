//! Reading the feed: from a place in each of a user's accounts to the heads of their streams, and waiting for more.

mod bells;
mod cursor;
mod holes;
mod read;

pub use bells::{Bells, Listener};
pub use cursor::{FeedCursor, NoCursor};
pub use holes::LOST;
pub use read::{Expired, Question, ReadError, places_at_the_heads, read};
