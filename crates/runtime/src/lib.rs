//! What every Postrider process has in common: its command line, its settings, its logs and metrics, its stop.
//!
//! A service implements [`Service`] and its `main.rs` is one line: `runtime::run::<App>()`. From there:
//!
//! - [`config`] reads the environment, knows every setting from `.env.example` and says all that is wrong at once;
//! - [`telemetry`] writes one line for each occurrence (JSON or pretty, with the trace id) and holds metric helpers;
//! - [`lifecycle`] turns SIGTERM/SIGINT into a soft stop, and a second signal or the deadline into a hard one;
//! - [`tasks`] tracks every background task, so that none ends unnoticed, restarts the supervised ones and gives timed
//!   jobs their turns.
//!
//! Nothing here knows HTTP, the broker or the database.

pub mod backoff;
mod cli;
pub mod config;
mod context;
mod healthcheck;
pub mod lifecycle;
mod open_files;
mod run;
mod service;
pub mod tasks;
pub mod telemetry;
pub mod tls;
mod topology;

pub use backoff::Backoff;
pub use cli::DeadLettersCommand;
pub use config::{ConfigError, ConfigErrors, Env};
pub use context::Context;
pub use healthcheck::ready;
pub use lifecycle::Shutdown;
pub use open_files::open_files;
pub use run::{run, run_with, serve_with};
pub use service::Service;
pub use tasks::{Schedule, Tasks};
