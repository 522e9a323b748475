//! Benches: throughput stands beside a bare limit measured in the same run, because machines differ and ratios do not;
//! latency stands beside the time of each hop.

pub mod bare_intake;
pub mod full_sync;
pub mod latency;
pub mod percentiles;
pub mod push;
pub mod report;
pub mod stack;
