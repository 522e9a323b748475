//! Google, and nothing else: OAuth, the Gmail client, its quota, push tokens, mail parsing and sealed credentials.
//!
//! The only crate that names Google's crates. Services see [`gmail::GmailApi`], [`gmail::GmailError`], the
//! [`quota::Governor`] and plain values; they never see a hub, an HTTP status or a JSON document of Google's. Nothing
//! here touches the database or the broker, and nothing here logs a token or the content of a mail.

pub mod gmail;
mod http_client;
pub mod mime;
pub mod oauth;
pub mod oidc;
pub mod pubsub;
pub mod quota;
pub mod seal;
mod tls;

pub use gmail::{AccessToken, GmailApi, GmailError, TokenError, TokenSource};
pub use http_client::SetupError;
pub use quota::{Governor, Lane, Method};
