//! Integration tests of sync-worker: real Postgres; the simulator's core in process, or for the routes the whole of it
//! behind HTTP, with real RabbitMQ.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "helpers of tests may panic like the tests themselves"
)]

mod actor;
mod allowance;
mod asked_runs;
mod audits;
mod backfill;
mod busy_mailboxes;
mod connector_events;
mod cost;
mod due_scan;
mod failures;
mod gap;
mod gmail;
mod harness;
mod http_connectors;
mod http_gmail;
mod http_hostile;
mod http_mail;
mod http_monitor;
mod http_sync_runs;
mod http_watch;
mod http_world;
mod kept;
mod kept_sources;
mod label_ends;
mod lagging;
mod lanes;
mod leases;
mod listing;
mod memory;
mod memory_budget;
mod month;
mod nameless;
mod property;
mod queue;
mod queue_retries;
mod quota;
mod reads;
mod refusals;
mod replicas;
mod reread;
mod retention;
mod rig;
mod schema;
mod search_measure;
mod since;
mod slices;
mod told_late;
mod trace;
