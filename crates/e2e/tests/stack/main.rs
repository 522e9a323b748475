//! The whole stack: real processes, one private Postgres and RabbitMQ for each test.

mod accounts;
mod hostile;
mod kills;
mod outages;
mod tenancy;
mod walk;
