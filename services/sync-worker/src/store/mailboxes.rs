//! `mailboxes`: what connector said of an account, where the mirror stands, who works on it and when it is next due.
//! The lock on the row serialises the two lanes.

pub mod accounts;
pub mod audits;
mod counts;
pub mod cursor;
pub mod due;
mod hold;
pub mod lease;
pub mod measures;
pub mod news;
mod row;

pub use counts::counted;
pub use cursor::{
    Beginning, advance, find, find_held, first_synced, labels_read, lock, looked, looked_back, note_back, note_gone,
    note_right, postpone_look_back, repaired, start_over, want_look_back,
};
pub use hold::hold;
use row::mailbox_columns;
pub use row::{Guard, Mailbox};
