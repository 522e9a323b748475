//! RabbitMQ: reached, new enough, its alarms, its queues, and what nobody could handle.

use std::time::Duration;

use postrider_broker::queues::{self, Seen};
use postrider_contracts::{Queue, Topology};
use postrider_domain::Secret;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use url::Url;

use super::{Finding, Installation, messages};
use crate::http;

const AREA: &str = "rabbitmq";
const PATIENCE: Duration = Duration::from_secs(5);
/// The oldest that the tests run, as Debian 12 has it.
const OLDEST: (u32, u32) = (3, 10);
/// So many waiting messages are more than a moment's.
const LONG: u32 = 10_000;

pub async fn look(installation: &Installation) -> Vec<Finding> {
    if messages::are_there(installation) {
        return Vec::new();
    }
    let url = match installation.env.optional_secret("AMQP_URL") {
        Ok(Some(url)) => url,
        Ok(None) => {
            let remedy = "Set AMQP_URL, or start a private server with `make services`";
            return vec![Finding::fail(AREA, "AMQP_URL is not set, and no private server runs", remedy)];
        }
        Err(errors) => return vec![Finding::fail(AREA, errors.to_string().trim(), "Correct the setting")],
    };
    let seen = match tokio::time::timeout(PATIENCE, queues::look(&url)).await {
        Ok(Ok(seen)) => seen,
        Ok(Err(error)) => return vec![unreachable(&error.to_string())],
        Err(_elapsed) => return vec![unreachable("no answer within 5 s")],
    };
    let mut findings = vec![version(&url).await];
    if let Some(management) = &installation.management {
        findings.extend(alarms(management).await);
    }
    findings.push(topology(&seen));
    findings.extend(waiting(&seen));
    findings
}

fn unreachable(said: &str) -> Finding {
    // RabbitMQ says 403 ACCESS_REFUSED for a wrong password, and nothing about which part is wrong.
    let remedy = if said.contains("ACCESS_REFUSED") || said.contains("NOT_ALLOWED") {
        "Correct user, password or vhost in AMQP_URL (a vhost `/` is written %2f)"
    } else {
        "Start RabbitMQ, or correct host and port in AMQP_URL. Mail is synced meanwhile; events wait in Postgres"
    };
    Finding::fail(AREA, format!("it cannot be asked: {said}"), remedy)
}

/// What the server says about itself before anybody logs in (the `connection.start` of AMQP 0.9.1).
async fn version(url: &Secret) -> Finding {
    let found = tokio::time::timeout(PATIENCE, greeting(url)).await.ok().flatten();
    let Some(version) = found.as_deref().and_then(version_in) else {
        return Finding::ok(AREA, "it lets us in");
    };
    let mut numbers = version.split('.').map(|part| part.parse::<u32>().unwrap_or_default());
    let is = (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default());
    if is < OLDEST {
        return Finding::fail(AREA, format!("version {version} is too old"), "Use RabbitMQ 3.10 or newer");
    }
    Finding::ok(AREA, format!("version {version}"))
}

async fn greeting(url: &Secret) -> Option<Vec<u8>> {
    let url = Url::parse(url.expose()).ok().filter(|url| url.scheme() == "amqp")?;
    let mut stream = TcpStream::connect((url.host_str()?, url.port().unwrap_or(5_672))).await.ok()?;
    stream.write_all(b"AMQP\x00\x00\x09\x01").await.ok()?;
    let mut head = [0; 7];
    stream.read_exact(&mut head).await.ok()?;
    let [_kind, _c1, _c2, a, b, c, d] = head;
    let size = usize::try_from(u32::from_be_bytes([a, b, c, d])).ok()?.min(64 * 1024);
    let mut frame = vec![0; size];
    stream.read_exact(&mut frame).await.ok()?;
    Some(frame)
}

/// The text behind the name `version` in a table: its length in four bytes, after an `S`.
fn version_in(frame: &[u8]) -> Option<String> {
    const NAME: &[u8] = b"\x07versionS";
    let at = frame.windows(NAME.len()).position(|window| window == NAME)?;
    let rest = frame.get(at + NAME.len()..)?;
    let (size, rest) = rest.split_first_chunk::<4>()?;
    let text = rest.get(..usize::try_from(u32::from_be_bytes(*size)).ok()?)?;
    String::from_utf8(text.to_vec()).ok()
}

/// Memory and disk: while one of them is low nothing is published.
async fn alarms(management: &Url) -> Option<Finding> {
    let mut url = management.join("/api/nodes").ok()?;
    let (user, password) = (management.username().to_owned(), management.password().map(str::to_owned));
    let _never_a_bad_base = (url.set_username(""), url.set_password(None));
    let asked = http::client().ok()?.get(url).basic_auth(user, password).timeout(PATIENCE).send().await.ok()?;
    let nodes: Vec<Value> = asked.json().await.ok()?;
    let on = |alarm: &str| nodes.iter().any(|node| node.get(alarm).and_then(Value::as_bool) == Some(true));
    Some(match (on("mem_alarm"), on("disk_free_alarm")) {
        (false, false) => Finding::ok(AREA, "no alarm"),
        (true, _) => Finding::fail(
            AREA,
            "its memory alarm is on: nothing is published",
            "Raise its memory, or find the long queue below",
        ),
        (_, true) => {
            Finding::fail(AREA, "its disk alarm is on: nothing is published", "Free disk space on its machine")
        }
    })
}

fn topology(seen: &[Seen]) -> Finding {
    let missing: Vec<_> = seen.iter().filter(|one| one.state.is_none()).map(|one| one.queue.as_str()).collect();
    match missing.as_slice() {
        [] => Finding::ok(AREA, format!("all {} queues are there", seen.len())),
        all if all.len() == seen.len() => {
            Finding::warn(AREA, "no queue is there yet", "Start a service: each declares all of them when it connects")
        }
        some => Finding::warn(
            AREA,
            format!("{} queues are missing: {}", some.len(), some.join(", ")),
            "Restart a service: each declares all of them when it connects. What was in them is pulled",
        ),
    }
}

/// Dead letters, unrouted messages, queues that grow and queues nobody reads.
fn waiting(seen: &[Seen]) -> Vec<Finding> {
    let state = |name: &str| seen.iter().find(|one| one.queue == name).and_then(|one| one.state).unwrap_or_default();
    let mut findings = Vec::new();
    for queue in Topology::CURRENT.queues {
        let (waiting, readers) = state(queue.name);
        let service = queue.name.split('.').next().unwrap_or_default();
        if waiting > LONG {
            let remedy =
                format!("Look at the log of {service}; start more of it if it only is slow ({readers} read now)");
            findings.push(Finding::warn("queues", format!("{waiting} messages wait in {}", queue.name), remedy));
        }
    }
    let (unrouted, _) = state(postrider_contracts::topology::UNROUTED_QUEUE);
    if unrouted > 0 {
        let remedy = "No queue wanted them: restart the services (each declares all bindings). They are pulled from Postgres; \
                      purge the queue then";
        findings.push(Finding::warn("queues", format!("{unrouted} unrouted messages"), remedy));
    }
    findings
        .extend(dead_letters(Topology::CURRENT.queues.iter().map(|queue| (queue, state(&queue.dead_name()).0.into()))));
    findings
}

/// What nobody could handle, by queue.
pub fn dead_letters(found: impl Iterator<Item = (&'static Queue, u64)>) -> Vec<Finding> {
    const AREA: &str = "dead letters";
    let told = found.filter(|(_, letters)| *letters > 0).map(|(queue, letters)| {
        let remedy = format!(
            "`postrider dead-letters --queue {name}` says why; mend that, then `postrider dead-letters replay --queue {name}`",
            name = queue.name
        );
        Finding::warn(AREA, format!("{letters} in {}", queue.dead_name()), remedy)
    });
    let told: Vec<_> = told.collect();
    if told.is_empty() { vec![Finding::ok(AREA, "none")] } else { told }
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    #[test]
    fn the_version_is_read_from_the_greeting() {
        let frame = b"\x00\x0a\x00\x0a\x00\x09\x00\x00\x00\x20\x07productS\x00\x00\x00\x08RabbitMQ\x07versionS\x00\x00\x00\x06\x33.10.8";
        assert_eq!(version_in(frame).as_deref(), Some("3.10.8"));
        assert_eq!(version_in(b"HTTP/1.1 400 Bad Request"), None);
        assert_eq!(version_in(b"\x07versionS\x00\x00\x00\xff3"), None);
    }

    #[test]
    fn what_should_be_empty_and_is_not_is_told_with_the_command() {
        let seen = |dead: u32| {
            let names = Topology::CURRENT.queue_names();
            let one = |queue: String| Seen {
                state: Some((if queue == "notification.mailbox.dead" { dead } else { 0 }, 1)),
                queue,
            };
            names.into_iter().map(one).collect::<Vec<_>>()
        };
        assert!(waiting(&seen(0)).iter().all(|finding| finding.verdict == Verdict::Ok));
        let told = waiting(&seen(3));
        assert_eq!((told.len(), told[0].verdict), (1, Verdict::Warn));
        assert!(told[0].remedy.as_ref().unwrap().contains("postrider dead-letters --queue notification.mailbox"));
        assert_eq!(topology(&seen(0)).verdict, Verdict::Ok);
        let mut some = seen(0);
        some[1].state = None;
        assert!(topology(&some).text.contains(&some[1].queue));
    }
}
