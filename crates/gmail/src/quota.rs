//! How fast a mailbox may be called: costs and limits as data, buckets, adaptive concurrency, and the [`Governor`] that
//! joins them. Everything but the governor is pure; time comes from a `postrider_domain::Clock`.
//!
//! Three levels, each stored by the caller: a [`UserBucket`] for each Google account, which whoever works for it claims
//! from ([`UserUnits`]); a [`ProjectBucket`] shared by all replicas in short slices; and the [`ProjectDay`].

mod aimd;
mod called;
mod costs;
mod day;
mod governor;
mod lane;
mod limits;
mod project;
mod setting;
mod slices;
mod units;
mod user;

pub use aimd::Aimd;
pub use called::{Called, Held, HeldBy};
pub use costs::{Costs, Method};
pub use day::{Allows, Day, DayState, DayStore, ProjectDay, RefusedUntil};
pub use governor::{Governor, GovernorConfig, Permit};
pub use lane::Lane;
pub use limits::Limits;
pub use project::{ProjectBucket, ProjectGate, ProjectTake};
pub use setting::{QuotaSetting, SettingError};
pub use slices::{LocalSlices, Slice, SliceRule, SliceStore};
pub use units::{Claimed, LocalUnits, UnitsClaim, UserUnits};
pub use user::{SavedBucket, UserBucket};
