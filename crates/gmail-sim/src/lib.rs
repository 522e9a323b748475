//! A simulated Google in one process: OAuth, the Gmail API with its quotas, and Pub/Sub push.
//!
//! The core ([`World`]) is plain data behind one lock a mailbox: no IO, the clock is passed in, randomness comes from a
//! seed. Tests call it directly. What Gmail does and which numbers it uses follows Google's published pages; each place
//! says which one.

pub mod content;
mod control;
pub mod dice;
pub mod error;
pub mod faults;
pub mod gate;
mod http;
pub mod ids;
pub mod labels;
pub mod mailbox;
pub mod oauth;
pub mod pubsub;
pub mod push;
pub mod server;
pub mod world;

pub use content::{Kind, Letter, Sizes};
pub use error::ApiError;
pub use faults::Faults;
pub use gate::{Gate, Quota, Rule, Transport};
pub use ids::MsgId;
pub use oauth::{OAuth, OAuthConfig};
pub use pubsub::PubSub;
pub use push::PushConfig;
pub use server::{Sim, SimConfig, SimServer};
pub use world::{
    Account, Deliver, Found, HistoryPage, HistoryQuery, ListQuery, MailboxSpec, MessagePage, Notification, Profile,
    SimError, Truth, Visibility, WatchAnswer, WatchRequest, World,
};
