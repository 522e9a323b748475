//! Google's side of push: topic, grant and subscription as they should be, as they are, and the way from here to there.

mod access;
pub mod check;
mod look;
mod policy;
mod pubsub;
mod step;
mod subscription;
mod wanted;

pub use access::Access;
pub use look::{Seen, look};
pub use pubsub::{CallError, PubSub};
pub use step::{Obstacle, Step, remedy, steps};
pub use subscription::{Drift, drift};
pub use wanted::{Delivery, Names, PUSH_PATH, Wanted};

/// The service account that Gmail publishes as, the same for everybody.
pub const GMAIL: &str = "serviceAccount:gmail-api-push@system.gserviceaccount.com";
/// The role that lets it.
pub const PUBLISHER: &str = "roles/pubsub.publisher";
/// The role that lets an account pull.
pub const SUBSCRIBER: &str = "roles/pubsub.subscriber";
