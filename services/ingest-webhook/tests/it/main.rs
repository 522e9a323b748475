//! The intake over HTTP, with a broker that counts and with a real RabbitMQ.

mod broker_trouble;
mod forged_tokens;
mod harness;
mod pushes;
mod schema;
