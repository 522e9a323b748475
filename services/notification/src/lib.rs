//! `notification`: what users are told, in the app and at their sockets.
//!
//! Events come in (`consumers`), pure rules decide (`rules`), an action writes the change with its number in the user's
//! sequence (`actions`, `store`), replicas hint each other (`hints`), and each channel brings the sequence to its
//! clients (`channels`).

pub mod actions;
pub mod app;
pub mod channels;
pub mod config;
pub mod consumers;
pub mod deliveries;
pub mod digests;
pub mod error;
pub mod feed;
pub mod hints;
pub mod http;
pub mod jobs;
pub mod mail_texts;
pub mod metrics;
pub mod observe;
pub mod reconnect;
pub mod rules;
pub mod state;
pub mod store;

pub use app::{App, Deps};
