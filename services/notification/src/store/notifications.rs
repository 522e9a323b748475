//! `notifications`: what was told. [`insert()`] writes one, [`mark()`] changes some, the rest reads.

mod insert;
mod mark;
mod read;

pub use insert::{NewNotification, insert};
pub use mark::{Changed, Marking, mark};
pub use read::{Filter, KindCount, Notification, count, find, page, stats};
