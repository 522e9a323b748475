//! Consents, refreshes and revocations at Google's OAuth endpoints, on the `oauth2` crate.
//!
//! yup-oauth2 is not used for this: its flow for authorised users hard-codes the token URL, drops the granted `scope`
//! and logs secrets at debug. Nothing here is kept: sealing and versioning credentials is connector's business.

mod client;
mod error;
mod grant;
mod scopes;
mod wire;

pub use client::{AuthorizeRequest, OAuthClient, OAuthConfig};
pub use error::OAuthError;
pub use grant::{Grant, Refreshed, random_token};
pub use scopes::{GMAIL_READONLY, Scopes};
