//! The command line as real processes: exit codes, signals, what is printed and what is not.

mod child;
mod commands;
mod signals;
