//! The whole crate against the simulated Google: consent, tokens, mailbox, history, watch, faults.

mod harness;
mod mailbox;
mod sign_in;
