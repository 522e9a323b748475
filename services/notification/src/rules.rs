//! Decisions without IO: what an event means for its user, with a reason for each answer.
//!
//! Input is the event and its [`Recipient`] (the account as projected, the preferences in force, the time); output is a
//! [`Verdict`]. Nothing here reads a clock, a row or a socket.

pub mod account;
pub mod custom;
pub mod decision;
pub mod digest;
pub mod draft;
pub mod feed;
pub mod kind;
pub mod mail;
pub mod mail_attempt;
pub mod mail_token;
pub mod mark;
pub mod origin;
pub mod page;
pub mod preferences;
pub mod push;
pub mod quiet;
pub mod recipient;
pub mod room;
pub mod rotation;
pub mod silence;
pub mod sync_run;
pub mod trigger;
pub mod trouble;
pub mod webhook;
pub mod withdrawal;
pub mod zone;

pub use account::{Account, LabelFilter};
pub use decision::{Channel, Decision, Occasion, Outcome, Verdict, decide};
pub use draft::{Draft, Live};
pub use kind::Kind;
pub use mark::Mark;
pub use origin::OwnDigest;
pub use preferences::{Overrides, Preferences};
pub use quiet::quiet_until;
pub use recipient::Recipient;
pub use room::{Places, Room};
