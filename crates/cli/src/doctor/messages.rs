//! The queues of the one process: rows of Postgres in which nothing should lie for long.

use std::time::Duration;

use anyhow::Result;
use postrider_contracts::Queue;
use postrider_events::messages::{Depth, Messages};

use super::{Finding, Installation, broker};
use crate::commands::dead_letters::{Place, queues};

const AREA: &str = "queues";
/// What is due is taken within seconds.
const LATE: Duration = Duration::from_mins(1);

/// Whether the installation is one process, which has no RabbitMQ.
pub fn are_there(installation: &Installation) -> bool {
    installation.one_process
}

pub async fn look(installation: &Installation) -> Vec<Finding> {
    let found = match Place::of(installation) {
        Ok(Place::Postgres(messages)) => depths(&messages).await,
        Ok(Place::RabbitMq(_)) => return Vec::new(),
        Err(error) => Err(error),
    };
    found.map(|found| told(&found)).unwrap_or_else(|error| {
        let remedy = "Correct the services' database URLs, or run `postrider migrate` with the administrator's";
        vec![Finding::fail(AREA, format!("they cannot be asked: {error:#}"), remedy)]
    })
}

async fn depths(messages: &Messages) -> Result<Vec<(&'static Queue, Depth)>> {
    let mut found = Vec::new();
    for queue in queues(None)? {
        found.push((queue, messages.depth(queue, LATE).await?));
    }
    Ok(found)
}

fn told(found: &[(&'static Queue, Depth)]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (queue, depth) in found {
        if depth.overdue > 0 {
            let text = format!("{} messages wait in {} for more than a minute", depth.overdue, queue.name);
            let remedy = "Is the process running, and what does it log? Nothing is lost: they are delivered then";
            findings.push(Finding::warn(AREA, text, remedy));
        }
    }
    if findings.is_empty() {
        findings.push(Finding::ok(AREA, "they are rows of Postgres, and none waits"));
    }
    findings.extend(broker::dead_letters(found.iter().map(|(queue, depth)| (*queue, depth.dead))));
    findings
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    #[test]
    fn what_lies_in_them_is_told_with_the_command() {
        let of = |depth| told(&queues(None).unwrap().into_iter().map(|queue| (queue, depth)).collect::<Vec<_>>());
        assert!(of(Depth::default()).iter().all(|finding| finding.verdict == Verdict::Ok));
        let count = queues(None).unwrap().len();
        let dead = of(Depth { dead: 2, overdue: 0 });
        let warned: Vec<_> = dead.iter().filter(|finding| finding.verdict == Verdict::Warn).collect();
        assert_eq!(warned.len(), count);
        assert!(warned[0].remedy.as_ref().unwrap().contains("postrider dead-letters --queue "), "{warned:?}");
        let late = of(Depth { dead: 0, overdue: 1 });
        assert_eq!(late.iter().filter(|finding| finding.verdict == Verdict::Warn).count(), count);
    }
}
