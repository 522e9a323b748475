//! One binary for all integration tests of the simulator.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests may panic like the tests themselves"
)]

mod client;
mod core_full;
mod core_history;
mod core_lag;
mod core_oddities;
mod core_watch;
mod http_control;
mod http_faults;
mod http_gmail;
mod http_oauth;
mod http_oddities;
mod http_pubsub;
mod http_push;
mod load;
mod replay;
