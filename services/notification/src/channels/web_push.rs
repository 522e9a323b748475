//! Web Push: how a browser's messages are encrypted (`encryption`, RFC 8291), how we prove who sends them (`vapid`,
//! RFC 8292), and to whom they go (`hosts`). The way out is the webhooks' one, with its guard.

pub mod encryption;
pub mod hosts;
pub mod vapid;

pub use encryption::{BrowserKeys, LONGEST, WrongKey};
pub use hosts::PushHosts;
pub use vapid::VapidKeys;
