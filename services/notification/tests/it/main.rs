//! Against real Postgres and RabbitMQ (`make services`), with the service's own listeners.
#[cfg(test)]
mod batches;
#[cfg(test)]
mod clean_up;
#[cfg(test)]
mod client;
#[cfg(test)]
mod consume;
#[cfg(test)]
mod digest_hour;
#[cfg(test)]
mod digests;
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
mod kinds;
#[cfg(test)]
mod lock_order;
#[cfg(test)]
mod mail_server;
#[cfg(test)]
mod mails;
#[cfg(test)]
mod middlebox;
#[cfg(test)]
mod places;
#[cfg(test)]
mod polling;
#[cfg(test)]
mod post_office;
#[cfg(test)]
mod producer;
#[cfg(test)]
mod push;
#[cfg(test)]
mod push_engine;
#[cfg(test)]
mod push_nights;
#[cfg(test)]
mod py_client;
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
mod scale;
#[cfg(test)]
mod schema;
#[cfg(test)]
mod slow;
#[cfg(test)]
mod socket;
#[cfg(test)]
mod spam_hold;
#[cfg(test)]
mod starve;
#[cfg(test)]
mod texts;
#[cfg(test)]
mod tokens;
#[cfg(test)]
mod trace;
#[cfg(test)]
mod trigger_requests;
#[cfg(test)]
mod trigger_texts;
#[cfg(test)]
mod triggers;
#[cfg(test)]
mod watermark;
#[cfg(test)]
mod webhook_engine;
#[cfg(test)]
mod webhooks;
#[cfg(test)]
mod year;
