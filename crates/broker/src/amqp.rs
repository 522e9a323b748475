//! RabbitMQ over AMQP 0.9.1. Works on 3.10 (Debian 12) and on 4.x alike.

pub(crate) mod broker;
mod codec;
mod consumer;
pub mod dead_letters;
mod gather;
mod lane;
mod link;
pub(crate) mod live;
mod live_publish;
mod outgoing;
mod publisher;
pub mod queues;
mod topology;

use std::future::Future;
use std::time::Duration;

/// How long the broker may take to answer a declaration, a channel open, a connect.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// Why the broker could not do something.
#[derive(Debug, thiserror::Error)]
pub enum AmqpError {
    #[error("RabbitMQ: {0}")]
    Client(#[from] lapin::Error),
    #[error("RabbitMQ did not answer within {} s", ANSWER_TIMEOUT.as_secs())]
    Timeout,
    #[error("AMQP_URL is not a usable address: {0}")]
    Url(String),
    #[error("this service consumes no queue {0} with dead letters")]
    UnknownQueue(String),
}

/// Waits for an answer of the broker, but not for ever: on a connection that hangs, lapin's futures do.
async fn answered<T>(answer: impl Future<Output = lapin::Result<T>>) -> Result<T, AmqpError> {
    match tokio::time::timeout(ANSWER_TIMEOUT, answer).await {
        Ok(answer) => Ok(answer?),
        Err(_elapsed) => Err(AmqpError::Timeout),
    }
}
