//! The whole crate against the simulated Google: consent, exchange, refresh, revocation, push tokens.
#![expect(clippy::unwrap_used, reason = "helpers of tests may panic like the tests themselves")]

mod harness;
mod service_accounts;
mod sign_in;
