//! `mailboxes`: what connector said of an account, where the mirror stands, who works on it and when it is next due.
//! The lock on the row serialises the two lanes.

pub mod accounts;
pub mod cursor;
pub mod due;
pub mod lease;
pub mod news;
mod row;

pub use cursor::{advance, caught_up, find_held, first_synced, labels_read, lock, start_over};
use row::mailbox_columns;
pub use row::{Guard, Mailbox};
