//! The service against a real Postgres and a simulated Google, in one process.

mod browser;
mod consume_mailbox_changed;
mod disconnect;
mod events;
mod harness;
mod hostile;
mod http_connectors;
mod http_oauth;
mod job_bootstrap;
mod job_check_tokens;
mod leases;
mod schema;
mod watches;
