//! Google's identity side: OAuth grants, id tokens, push tokens, Pub/Sub envelopes and sealed credentials.

pub mod oauth;
pub mod oidc;
pub mod pubsub;
pub mod seal;

pub use postrider_http::SetupError;
