//! `notification`: what users are told, in the app and at their sockets.
//!
//! Events come in (`consumers`), pure rules decide (`rules`), a change is written with its number in the user's
//! sequence (`changes`, `store`), and sessions bring the sequence to clients (`live`, `socket`).

pub mod app;
pub mod changes;
pub mod config;
pub mod consumers;
pub mod error;
pub mod http;
pub mod jobs;
pub mod live;
pub mod metrics;
pub mod observe;
pub mod rules;
pub mod socket;
pub mod state;
pub mod store;

pub use app::{App, Deps};
