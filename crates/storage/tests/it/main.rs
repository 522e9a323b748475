//! Storage against a real Postgres, each test in a database of its own.

#[cfg(test)]
mod migrations;
#[cfg(test)]
mod roles;
#[cfg(test)]
mod statements;
#[cfg(test)]
mod tls;
#[cfg(test)]
mod transactions;
