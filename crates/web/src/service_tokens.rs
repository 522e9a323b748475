//! Tokens between services: who calls, for whom, and in which request.
//!
//! HS256 JWTs that live 60 seconds, signed with a key that only one caller and one callee share, so that a service
//! that leaks its keys cannot pose as another. The algorithm is pinned, the audience is the callee's own name, and
//! comparing signatures takes the same time whatever they are (jsonwebtoken's HMAC).

mod claims;
mod keys;
mod service;

/// Bears a token beside `Authorization`, where that is somebody else's or absent (the intake, open routes). It makes the
/// caller's `X-Request-ID` believed and nothing more.
pub const TOKEN_HEADER: &str = "x-postrider-token";

pub use claims::{Claims, TokenError, Verified};
pub use keys::{InternalKeys, KeyError};
pub use service::{InternalTokens, LIFETIME};
