//! RabbitMQ for every service: connection, topology, publishing with confirms, consuming with decisions.
//!
//! Two sides meet here and nowhere else: [`Publisher`] (each event confirmed or failed) and [`Handler`] (a batch in, a
//! decision for each delivery out). [`Broker`] carries them over RabbitMQ, [`local::LocalBroker`] within one process with
//! its queues in a store, [`memory::MemoryBroker`] within one process and in memory, for tests; one test suite holds them
//! to the same behaviour. Only this crate names lapin.

mod amqp;
mod batch;
mod decision;
pub mod handler;
pub mod local;
pub mod memory;
mod metrics;
pub mod publisher;
mod routing;
pub mod transport;

pub use amqp::broker::{Broker, BrokerConfig};
pub use amqp::live::{Live, LiveEvent, LiveStream};
pub use amqp::{dead_letters, queues};
pub use decision::MAX_ATTEMPTS;
pub use handler::{Delivered, Handler, Outcome};
pub use publisher::{BrokerState, PublishError, Publisher};
pub use transport::{ConsumerConfig, Transport};
