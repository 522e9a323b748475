//! Google's identity side: OAuth grants, id tokens, push tokens, Pub/Sub envelopes and sealed credentials.

pub mod oauth;
pub mod oidc;
pub mod pubsub;
pub mod pull;
pub mod seal;
pub mod service_account;

pub use postrider_http::SetupError;
