//! Mails from outside, through the crate's public face.
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests may panic like the tests themselves")]

mod cases;
mod vectors;
