//! `postrider dead-letters`: what handlers gave up on, of every service at once.

use anyhow::{Context as _, Result, bail};
use clap::{Args as ClapArgs, ValueEnum};
use postrider_broker::dead_letters::{self, DeadLetter};
use postrider_contracts::{Overflow, Queue, Topology};
use postrider_domain::Secret;
use postrider_events::messages::Messages;
use postrider_storage::{Db, DbConfig, Spec};
use serde::Serialize;
use serde_json::json;

use crate::console::{done, say, table};
use crate::doctor::Installation;

/// What to do with them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    /// Show when, why and how often tried; they stay where they are.
    List,
    /// Put them back into their queue, their attempts counted from zero.
    Replay,
}

/// Which ones.
#[derive(Debug, ClapArgs)]
pub struct Args {
    #[arg(value_enum, default_value = "list")]
    what: What,
    /// The queue they died in, e.g. `notification.mailbox`; all queues without.
    #[arg(long)]
    queue: Option<String>,
    /// At most so many of each queue.
    #[arg(long, default_value_t = 50)]
    limit: u32,
    /// A JSON list, for programs.
    #[arg(long)]
    json: bool,
}

/// A dead letter and where it lies.
#[derive(Debug, Serialize)]
pub struct Found {
    pub queue: &'static str,
    #[serde(flatten)]
    pub letter: DeadLetter,
}

/// Lists or replays them.
///
/// # Errors
/// Nobody knows where they lie, the server does not answer, or there is no such queue.
pub async fn dead_letters(args: Args) -> Result<()> {
    let place = Place::of(&Installation::here()?)?;
    let queues = queues(args.queue.as_deref())?;
    match args.what {
        What::List => {
            let found = place.list(&queues, args.limit).await?;
            if args.json {
                say(serde_json::to_string_pretty(&found)?);
            } else if found.is_empty() {
                done("no dead letters");
            } else {
                say(table(&["queue", "died", "event", "attempt", "id", "reason"], found.iter().map(row)));
            }
        }
        What::Replay => {
            let mut put_back = Vec::new();
            for queue in queues {
                let count = place.replay(queue, args.limit).await.context(queue.name)?;
                put_back.push((queue.name, count));
            }
            put_back.retain(|(_, count)| *count > 0);
            if args.json {
                let queues = put_back.iter().map(|(queue, count)| json!({"queue": queue, "put_back": count}));
                say(serde_json::to_string_pretty(&queues.collect::<Vec<_>>())?);
            } else if put_back.is_empty() {
                done("no dead letters: nothing to put back");
            } else {
                put_back.iter().for_each(|(queue, count)| done(format_args!("{count} put back into {queue}")));
            }
        }
    }
    Ok(())
}

/// Where dead letters lie.
pub enum Place {
    RabbitMq(Secret),
    /// Rows of the services' schemas: all services are one process.
    Postgres(Messages),
}

impl Place {
    /// That of an installation: RabbitMQ, if it has one.
    ///
    /// # Errors
    /// Neither `AMQP_URL` nor the services' database URLs are known.
    pub fn of(installation: &Installation) -> Result<Self> {
        if !installation.one_process
            && let Some(url) = installation.env.optional_secret("AMQP_URL")?
        {
            return Ok(Self::RabbitMq(url));
        }
        let open = |spec: Spec| -> Result<Db> {
            let url = installation.database_url(&spec).context("neither AMQP_URL nor DATABASE_URL is set")?;
            Ok(Db::connect(DbConfig { max_connections: 1, ..DbConfig::new(url, spec) })?)
        };
        let services = [Spec::CONNECTOR, Spec::SYNC_WORKER, Spec::NOTIFICATION].map(open);
        Ok(Self::Postgres(Messages::new(services.into_iter().collect::<Result<_>>()?)))
    }

    /// The dead letters of these queues, the oldest of each first.
    ///
    /// # Errors
    /// The server does not answer, or has no such queue.
    pub async fn list(&self, queues: &[&'static Queue], limit: u32) -> Result<Vec<Found>> {
        let mut found = Vec::new();
        for queue in queues {
            let letters = match self {
                Self::RabbitMq(url) => dead_letters::list(url, queue.name, limit).await.context(queue.name)?,
                Self::Postgres(messages) => messages.dead(queue, limit).await.context(queue.name)?,
            };
            found.extend(letters.into_iter().map(|letter| Found { queue: queue.name, letter }));
        }
        Ok(found)
    }

    async fn replay(&self, queue: &'static Queue, limit: u32) -> Result<usize> {
        Ok(match self {
            Self::RabbitMq(url) => usize::try_from(dead_letters::replay(url, queue.name, limit).await?)?,
            Self::Postgres(messages) => messages.replay(queue, limit).await?,
        })
    }
}

/// The queues that have dead letters; one of them, if it is named.
///
/// # Errors
/// There is none of that name.
pub fn queues(named: Option<&str>) -> Result<Vec<&'static Queue>> {
    let all = Topology::CURRENT.queues.iter().filter(|queue| queue.overflow == Overflow::RejectPublish);
    let all: Vec<_> = all.collect();
    let Some(named) = named else { return Ok(all) };
    match all.iter().find(|queue| queue.name == named) {
        Some(queue) => Ok(vec![queue]),
        None => {
            let names: Vec<_> = all.iter().map(|queue| queue.name).collect();
            bail!("no queue {named} has dead letters. There are: {}", names.join(", "))
        }
    }
}

fn row(found: &Found) -> Vec<String> {
    let DeadLetter { id, event_type, attempt, reason, died_at, .. } = &found.letter;
    let died_at = died_at.clone().unwrap_or_else(|| "-".to_owned());
    vec![found.queue.to_owned(), died_at, event_type.clone(), attempt.to_string(), id.clone(), reason.clone()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queues_are_those_with_dead_letters() {
        let names = |named| queues(named).unwrap().into_iter().map(|queue| queue.name).collect::<Vec<_>>();
        let all = names(None);
        assert!(all.contains(&"notification.mailbox") && !all.contains(&"outside.notification"), "{all:?}");
        assert_eq!(names(Some("notification.mailbox")), ["notification.mailbox"]);
        assert!(queues(Some("notification.mails")).unwrap_err().to_string().contains("notification.mailbox"));
    }
}
