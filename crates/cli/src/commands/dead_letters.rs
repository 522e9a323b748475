//! `postrider dead-letters`: what handlers gave up on, of every service at once.

use anyhow::{Context as _, Result, bail};
use clap::{Args as ClapArgs, ValueEnum};
use postrider_broker::dead_letters::{self, DeadLetter};
use postrider_contracts::{Overflow, Topology};
use postrider_domain::Secret;
use serde::Serialize;

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
/// No `AMQP_URL`, RabbitMQ does not answer, or there is no such queue.
pub async fn dead_letters(args: Args) -> Result<()> {
    let url = Installation::here()?.env.secret("AMQP_URL")?;
    let queues = queues(args.queue.as_deref())?;
    match args.what {
        What::List => {
            let found = list(&url, &queues, args.limit).await?;
            if args.json {
                say(serde_json::to_string_pretty(&found)?);
            } else if found.is_empty() {
                done("no dead letters");
            } else {
                say(table(&["queue", "died", "event", "attempt", "id", "reason"], found.iter().map(row)));
            }
        }
        What::Replay => {
            for queue in queues {
                let count = dead_letters::replay(&url, queue, args.limit).await.context(queue)?;
                if count > 0 {
                    done(format_args!("{count} put back into {queue}"));
                }
            }
        }
    }
    Ok(())
}

/// The dead letters of these queues, the oldest of each first.
///
/// # Errors
/// RabbitMQ does not answer, or has no such queue.
pub async fn list(url: &Secret, queues: &[&'static str], limit: u32) -> Result<Vec<Found>> {
    let mut found = Vec::new();
    for queue in queues {
        let letters = dead_letters::list(url, queue, limit).await.context(*queue)?;
        found.extend(letters.into_iter().map(|letter| Found { queue, letter }));
    }
    Ok(found)
}

/// The queues that have dead letters; one of them, if it is named.
///
/// # Errors
/// There is none of that name.
pub fn queues(named: Option<&str>) -> Result<Vec<&'static str>> {
    let all = Topology::CURRENT.queues.iter().filter(|queue| queue.overflow == Overflow::RejectPublish);
    let all: Vec<_> = all.map(|queue| queue.name).collect();
    let Some(named) = named else { return Ok(all) };
    match all.iter().find(|queue| **queue == named) {
        Some(queue) => Ok(vec![queue]),
        None => bail!("no queue {named} has dead letters. There are: {}", all.join(", ")),
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
        let all = queues(None).unwrap();
        assert!(all.contains(&"notification.mailbox") && !all.contains(&"outside.notification"), "{all:?}");
        assert_eq!(queues(Some("notification.mailbox")).unwrap(), ["notification.mailbox"]);
        assert!(queues(Some("notification.mails")).unwrap_err().to_string().contains("notification.mailbox"));
    }
}
