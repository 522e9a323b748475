//! The `dead-letters` command of a service: in RabbitMQ, or in its own schema where the installation is one process.

use std::fmt::Write as _;
use std::io::Write as _;

use postrider_broker::dead_letters::{self, chosen};
use postrider_contracts::Queue;
use postrider_runtime::config::DatabaseUrl;
use postrider_runtime::{DeadLettersCommand, Env};
use postrider_storage::{Db, DbConfig, Spec};

use crate::messages::Messages;

/// Lists or replays; writes its answer to standard output. Without `AMQP_URL` the queues are the rows of the one-process
/// installation.
///
/// # Errors
/// RabbitMQ or the database does not answer, no URL of either, or a queue that is not among the service's own.
pub async fn run(env: &Env, spec: Spec, own: &[Queue], asked: &DeadLettersCommand) -> anyhow::Result<()> {
    if env.optional_secret("AMQP_URL")?.is_some() {
        return dead_letters::run(env, own, asked).await;
    }
    print(&messages(env, &[spec])?, own, asked).await
}

/// The same about rows, whosever they are.
///
/// # Errors
/// As [`command`].
pub async fn print(messages: &Messages, own: &[Queue], asked: &DeadLettersCommand) -> anyhow::Result<()> {
    let text = command(messages, own, asked).await?;
    Ok(std::io::stdout().lock().write_all(text.as_bytes())?)
}

/// The rows of these services.
///
/// # Errors
/// A service's URL is not set, or none.
pub fn messages(env: &Env, specs: &[Spec]) -> anyhow::Result<Messages> {
    let open = |spec: &Spec| {
        let settings = DatabaseUrl { max_connections: 1, ..DatabaseUrl::load(env, spec.service)? };
        anyhow::Ok(Db::connect(DbConfig::of(settings, *spec))?)
    };
    Ok(Messages::new(specs.iter().map(open).collect::<anyhow::Result<_>>()?))
}

/// What [`print`] writes.
///
/// # Errors
/// The database does not answer, or the queue is not among those.
pub async fn command(messages: &Messages, own: &[Queue], asked: &DeadLettersCommand) -> anyhow::Result<String> {
    let (DeadLettersCommand::List { queue, limit } | DeadLettersCommand::Replay { queue, limit }) = asked;
    let mut text = String::new();
    for queue in chosen(own, queue.as_deref())? {
        match asked {
            DeadLettersCommand::List { .. } => {
                let letters = messages.dead(queue, *limit).await?;
                let _infallible = writeln!(text, "{}: {} dead", queue.name, letters.len());
                for letter in letters {
                    let _infallible = writeln!(text, "  {}", letter.line());
                }
            }
            DeadLettersCommand::Replay { .. } => {
                let count = messages.replay(queue, *limit).await?;
                let _infallible = writeln!(text, "{}: {count} put back", queue.name);
            }
        }
    }
    Ok(text)
}
