//! RabbitMQ for every service: connection, topology, publishing with confirms, consuming with decisions.

pub mod handler;
pub mod publisher;

pub use handler::{Delivered, Handler, Outcome};
pub use publisher::{BrokerState, PublishError, Publisher};
