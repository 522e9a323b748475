//! The Gmail API of one mailbox, behind a trait: the real client and every fake answer the same types and errors.

mod api;
mod error;
mod history;
mod mail;
mod mailbox;
mod token;

pub use api::GmailApi;
pub use error::{GmailError, LimitKind};
pub use history::{HistoryPage, HistoryRecord, LabelChange, MessageRef};
pub use mail::{MailMeta, RawMail};
pub use mailbox::{IdPage, Label, LabelKind, Profile, WatchAnswer, WatchRequest};
pub use token::{AccessToken, TokenError, TokenSource};
