//! How fast a mailbox may be called: costs and limits as data, buckets, adaptive concurrency, and the [`Governor`] that
//! joins them. Everything but the governor is pure; time comes from a `postrider_domain::Clock`.
//!
//! Two levels: a [`UserBucket`] lives with the mailbox's lease, a [`ProjectBucket`] is shared by all replicas in short
//! slices whose counters the caller stores.

mod aimd;
mod called;
mod costs;
mod governor;
mod lane;
mod limits;
mod project;
mod setting;
mod slices;
mod user;

pub use aimd::Aimd;
pub use called::{Called, Held};
pub use costs::{Costs, Method};
pub use governor::{Governor, GovernorConfig, Permit};
pub use lane::Lane;
pub use limits::Limits;
pub use project::{ProjectBucket, ProjectGate, ProjectTake};
pub use setting::{QuotaSetting, SettingError};
pub use slices::{LocalSlices, Slice, SliceRule, SliceStore};
pub use user::{SavedBucket, UserBucket};
