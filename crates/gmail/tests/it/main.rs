//! The whole crate against the simulated Google: mailbox, history, watch, faults.
#![expect(clippy::unwrap_used, reason = "helpers of tests may panic like the tests themselves")]

mod harness;
mod mailbox;
