//! `gateway`: the one public origin. It verifies client tokens, limits rates, maps routes to services and carries bytes,
//! Socket.IO's included. It knows no mail and no account, and services trust nothing that does not bear its token.

pub mod app;
pub mod audit;
pub mod config;
pub mod consumers;
pub mod drain;
pub mod error;
pub mod http;
pub mod jobs;
pub mod keys;
pub mod limits;
pub mod metrics;
pub mod observe;
pub mod openapi;
pub mod proofs;
pub mod proxy;
pub mod routes;
pub mod rules;
pub mod state;
pub mod store;
pub mod tunnel;

pub use app::App;
