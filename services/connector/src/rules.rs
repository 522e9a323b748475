//! Decisions without IO: what is allowed, what is missing, what a change means.

pub mod code_verifier;
pub mod identity;
pub mod link;
pub mod redirect_uri;
pub mod return_to;
pub mod scopes;
pub mod settings;
pub mod status;
pub mod topic;
pub mod tries;
