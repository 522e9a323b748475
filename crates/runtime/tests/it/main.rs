//! The command line as real processes: exit codes, signals, what is printed and what is not.
//!
//! `cfg(test)` on the modules tells clippy that their helpers are tests too.

#[cfg(test)]
mod child;
#[cfg(test)]
mod commands;
#[cfg(test)]
mod signals;
