//! Clients' own tokens: verified by the gateway for every request and by notification at the socket's handshake.

mod claims;
mod issue;
mod rules;
mod verify;

pub use claims::{ClientIdentity, TokenRefused};
pub use issue::{NotIssued, TokenIssuer};
pub use rules::{ClaimNames, ClientTokenRules, Keys};
pub use verify::ClientTokens;
