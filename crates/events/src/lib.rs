//! Events between services: the outbox they leave by, the inbox that takes each once, dense streams and how a consumer
//! pulls what the broker lost (laws 1 and 7), and the queues of an installation without RabbitMQ.

pub mod dead_letters;
pub mod http;
pub mod inbox;
pub mod messages;
pub mod outbox;
pub mod partitions;
pub mod streams;
