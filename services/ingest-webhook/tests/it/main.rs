//! The intake over HTTP, with a broker that counts and with a real RabbitMQ.

#[cfg(test)]
mod bodies_and_ids;
#[cfg(test)]
mod broker_trouble;
#[cfg(test)]
mod channels;
#[cfg(test)]
mod forged_tokens;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod pulls;
#[cfg(test)]
mod pushes;
#[cfg(test)]
mod schema;
