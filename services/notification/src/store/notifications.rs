//! `notifications`: what was told. [`insert()`] writes one, [`mark()`] changes some, the rest reads.

mod clean_up;
mod held;
mod insert;
mod mailed;
mod mark;
mod read;

pub use clean_up::{delete, delete_archived, expired, of_account, users_to_clean_up};
pub use held::{Held, held, hold, release};
pub use insert::{NewNotification, insert};
pub use mailed::{MailItem, for_mail, of_digest};
pub use mark::{Changed, Marking, mark};
pub use read::{Filter, KindCount, Notification, count, custom_by_key, find, of_tenant, page, stats, told_of_mail};
