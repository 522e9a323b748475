//! The words of Postrider: typed ids, addresses, history ids, the clock and the other seams.
//!
//! No IO lives here and nothing here knows a database, a broker or Google. Everything that enters the system is
//! parsed into one of these types at the edge; past the edge there are no raw strings for ids, addresses or secrets.

pub mod address;
pub mod clock;
pub mod history;
pub mod ids;
pub mod labels;
pub mod seams;
pub mod secret;
pub mod sql;
pub mod states;
pub mod text;
pub mod token;
pub mod words;

pub use address::EmailAddress;
pub use clock::{Clock, MockClock, SystemClock, Timestamp};
pub use history::{HistoryId, Version};
pub use ids::{
    ConnectorId, EmailId, EventId, GoogleSub, LabelId, MessageId, NotificationId, ParseIdError, RunId, TenantId,
    ThreadId, UserId, WatchId,
};
pub use seams::{Entropy, IdGen, OsEntropy, Seams, SeededEntropy, SeededIds, SystemIds};
pub use secret::Secret;
pub use states::{AccountStatus, ReauthReason, RunKind, RunState, WatchState, WatchType};
