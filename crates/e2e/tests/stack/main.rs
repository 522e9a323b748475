//! The whole stack: real processes, one private Postgres and RabbitMQ for each test.

#[cfg(test)]
mod accounts;
#[cfg(test)]
mod clients;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod kills;
#[cfg(test)]
mod large;
#[cfg(test)]
mod one_process;
#[cfg(test)]
mod outages;
#[cfg(test)]
mod refresh;
#[cfg(test)]
mod snapshot;
#[cfg(test)]
mod sockets;
#[cfg(test)]
mod tenancy;
#[cfg(test)]
mod trace;
#[cfg(test)]
mod walk;
