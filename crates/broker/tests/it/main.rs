//! The broker client against real RabbitMQ, each test in a vhost of its own, and its in-process twin beside it.

mod contract;
mod dead_letters;
mod harness;
mod kill;
mod live;
mod publish;
mod recovery;
mod retry;
