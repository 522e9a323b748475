//! Against real Postgres and RabbitMQ (`make services`), with the service's own listeners.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test fails by panicking; helpers of tests are no test functions to clippy"
)]

mod client;
mod consume;
mod harness;
mod hostile;
mod http_notifications;
mod js_client;
mod polling;
mod producer;
mod replay;
mod replicas;
mod schema;
mod slow;
mod socket;
mod tokens;
