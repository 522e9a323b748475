//! All five services in one process, with the queues in Postgres and no RabbitMQ: for a handful of mailboxes.
//!
//! Nothing in a service knows of it. Each has its own settings, login, pool, listeners, tasks and metrics; they call each
//! other over loopback with the tokens they always use. What differs is the carrier of events, and that they start and
//! stop together.

mod app;
mod config;
mod metrics;

pub use app::App;
pub use config::Config;
