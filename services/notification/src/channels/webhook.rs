//! Webhooks: where they may go (`guard`), how they prove themselves (`signature`), and the way out (`sender`).

pub mod guard;
pub mod sender;
pub mod signature;

pub use guard::{Reach, Target};
pub use sender::WebhookSender;
pub use signature::WebhookSecret;
