//! Against real Postgres and RabbitMQ (`make services`), with the service's own listeners.
#[cfg(test)]
mod clean_up;
#[cfg(test)]
mod client;
#[cfg(test)]
mod consume;
#[cfg(test)]
mod feed;
#[cfg(test)]
mod feed_stream;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod http_notifications;
#[cfg(test)]
mod http_preferences;
#[cfg(test)]
mod js_client;
#[cfg(test)]
mod lock_order;
#[cfg(test)]
mod middlebox;
#[cfg(test)]
mod places;
#[cfg(test)]
mod polling;
#[cfg(test)]
mod producer;
#[cfg(test)]
mod quiet_hours;
#[cfg(test)]
mod read_state;
#[cfg(test)]
mod receiver;
#[cfg(test)]
mod replay;
#[cfg(test)]
mod replicas;
#[cfg(test)]
mod schema;
#[cfg(test)]
mod slow;
#[cfg(test)]
mod socket;
#[cfg(test)]
mod starve;
#[cfg(test)]
mod tokens;
#[cfg(test)]
mod trace;
#[cfg(test)]
mod triggers;
#[cfg(test)]
mod watermark;
#[cfg(test)]
mod webhook_engine;
#[cfg(test)]
mod webhooks;
