//! Against real Postgres and RabbitMQ (`make services`), with the service's own listeners.

mod client;
mod consume;
mod harness;
mod hostile;
mod http_notifications;
mod js_client;
mod polling;
mod producer;
mod replicas;
mod replay;
mod schema;
mod slow;
mod socket;
mod tokens;
