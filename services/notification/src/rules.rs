//! Decisions without IO: what an event means for its user, with a reason for each answer.
//!
//! Input is the event, the account as projected, the effective preferences and the time; output is a [`Verdict`].
//! Nothing here reads a clock, a row or a socket.

pub mod account;
pub mod custom;
pub mod decision;
pub mod draft;
pub mod kind;
pub mod local_time;
pub mod mail;
pub mod preferences;
pub mod room;
pub mod silence;
pub mod sync_run;
pub mod trouble;
pub mod withdrawal;

#[cfg(test)]
use mail::tests::account as mail_test_account;

pub use account::Account;
pub use decision::{Channel, Decision, Outcome, Verdict};
pub use draft::Draft;
pub use kind::Kind;
pub use preferences::{Overrides, Preferences};
pub use room::Room;
