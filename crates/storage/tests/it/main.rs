//! Storage against a real Postgres, each test in a database of its own.

#[cfg(test)]
mod harness;
#[cfg(test)]
mod inbox_and_leases;
#[cfg(test)]
mod migrations;
#[cfg(test)]
mod outbox;
#[cfg(test)]
mod roles;
#[cfg(test)]
mod streams;
#[cfg(test)]
mod transactions;
