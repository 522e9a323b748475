//! Events against a real Postgres, each test in a database of its own.

#[cfg(test)]
mod given_up;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod http;
#[cfg(test)]
mod inbox;
#[cfg(test)]
mod messages;
#[cfg(test)]
mod outbox;
#[cfg(test)]
mod partitions;
#[cfg(test)]
mod streams;
