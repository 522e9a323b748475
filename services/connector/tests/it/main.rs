//! The service against a real Postgres and a simulated Google, in one process.
//!
//! `cfg(test)` on the modules tells clippy that their helpers are tests too.

#[cfg(test)]
mod adopted_topic;
#[cfg(test)]
mod browser;
#[cfg(test)]
mod connect_link_logs;
#[cfg(test)]
mod connect_link_pages;
#[cfg(test)]
mod consents;
#[cfg(test)]
mod consume_mailbox_changed;
#[cfg(test)]
mod desktop_client;
#[cfg(test)]
mod disconnect;
#[cfg(test)]
mod document;
#[cfg(test)]
mod events;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod http_connect_links;
#[cfg(test)]
mod http_connectors;
#[cfg(test)]
mod http_oauth;
#[cfg(test)]
mod job_bootstrap;
#[cfg(test)]
mod job_check_tokens;
#[cfg(test)]
mod leases;
#[cfg(test)]
mod lock_order;
#[cfg(test)]
mod outages;
#[cfg(test)]
mod reconnects;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod rotate_keys;
#[cfg(test)]
mod schema;
#[cfg(test)]
mod shared_watch;
#[cfg(test)]
mod silent_watches;
#[cfg(test)]
mod spent_codes;
#[cfg(test)]
mod watches;
