//! Web Push: how a browser's messages are encrypted (`encryption`, RFC 8291), and how we prove who sends them (`vapid`,
//! RFC 8292). The way out is the webhooks' one, with its guard.

pub mod encryption;
pub mod vapid;

pub use encryption::{BrowserKeys, LONGEST, WrongKey};
pub use vapid::VapidKeys;
