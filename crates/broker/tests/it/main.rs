//! The broker client against real RabbitMQ, each test in a vhost of its own, and its in-process twin beside it.

#[cfg(test)]
mod contract;
#[cfg(test)]
mod dead_letters;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod kill;
#[cfg(test)]
mod live;
#[cfg(test)]
mod local;
#[cfg(test)]
mod publish;
#[cfg(test)]
mod recovery;
#[cfg(test)]
mod retry;
#[cfg(test)]
mod shelf;
