//! The steps of the demo: sign in, first sync, a mail arriving.

mod mail;
mod mailbox;
mod sign_in;
mod walk;

pub use mail::{Arrived, deliver_and_wait};
pub use mailbox::make_mailbox;
pub use sign_in::sign_in;
pub use walk::demonstrate;

/// Tenant and user of the demo and of the printed token.
pub const TENANT: &str = "demo";
/// See [`TENANT`].
pub const USER: &str = "demo";
/// The simulated mailbox.
pub const MAILBOX: &str = "demo@example.com";
