//! The Gmail API of one mailbox, behind a trait: the real client and every fake answer the same types and errors.
//!
//! [`GmailTransport`] is shared by all mailboxes of a process; a [`GmailClient`] adds the tokens of one. [`Governed`]
//! puts a mailbox's governor in front of any implementation.

mod api;
mod capture;
mod classify;
mod client;
mod convert;
mod decode;
mod error;
mod governed;
mod history;
mod mail;
mod mailbox;
mod memory;
mod metrics;
pub mod quota;
mod raw;
mod retry_time;
mod snippet;
mod token;
mod transport;

pub use api::GmailApi;
pub use client::GmailClient;
pub use error::{GmailError, LimitKind};
pub use governed::Governed;
pub use history::{HistoryPage, HistoryRecord, LabelChange, MessageRef};
pub use mail::{MailMeta, RawMail};
pub use mailbox::{IdPage, Label, LabelColor, LabelKind, ListPage, Profile, WatchAnswer, WatchRequest};
pub use memory::{Entry, Memory, Part, Room, Weight};
pub use metrics::GmailMetrics;
pub use quota::{Governor, Lane, Method};
pub use token::{AccessToken, TokenError, TokenSource};
pub use transport::{GmailTransport, TransportConfig, TransportError};
