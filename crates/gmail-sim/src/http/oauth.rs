//! `accounts.google.com` and `oauth2.googleapis.com`.

pub mod consent;
pub mod keys;
pub mod service;
pub mod token;
