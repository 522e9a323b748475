//! One binary for all integration tests of the simulator.

mod core_history;
mod core_lag;
mod core_watch;
mod replay;
