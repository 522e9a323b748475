//! Benches: throughput stands beside a bare limit measured in the same run, because machines differ and ratios do not;
//! latency stands beside the time of each hop; fan-out stands beside another server doing the same.

pub mod bare_intake;
pub mod crowd;
pub mod fan_out;
pub mod full_sync;
pub mod latency;
pub mod notify;
pub mod percentiles;
pub mod push;
pub mod report;
pub mod stack;
pub mod usage;
