//! What the intake counts.

use postrider_runtime::telemetry::metrics as make;
use prometheus::{Histogram, IntCounterVec, Registry};

/// The handles, made once.
#[derive(Debug, Clone)]
pub struct Metrics {
    /// Pushes by outcome: `stored`, `repeated`, `unreadable`, `foreign`, `sync`, `given_back`, or the code of a refusal.
    pub pushes: IntCounterVec,
    /// Pulls and what belongs to them, by outcome: `messages`, `nothing`, or the code of an error.
    pub pulls: IntCounterVec,
    /// Unreadable pushes by what is wrong with them.
    pub unreadable: IntCounterVec,
    /// From the event's hand-over to the broker's confirm.
    pub confirm_seconds: Histogram,
}

/// Finer than the usual buckets: a confirm takes one to a few milliseconds.
const BUCKETS: [f64; 12] = [0.000_5, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.25, 1.0, 2.5, 5.0];

impl Metrics {
    pub fn new(registry: &Registry) -> Self {
        Self {
            pushes: make::counter_vec(registry, "postrider_pushes_total", "Pushes received, by outcome.", &["outcome"]),
            pulls: make::counter_vec(registry, "postrider_pulls_total", "Calls to Pub/Sub, by outcome.", &["outcome"]),
            unreadable: make::counter_vec(
                registry,
                "postrider_pushes_unreadable_total",
                "Pushes answered 202 and dropped because they cannot be read, by reason.",
                &["reason"],
            ),
            confirm_seconds: make::histogram(
                registry,
                "postrider_push_confirm_seconds",
                "Time until the broker confirmed a push.",
                &BUCKETS,
            ),
        }
    }
}
