//! `users.watch`, `users.stop` and the notifications they give.
//!
//! At most one notification a second and user; a watch lasts seven days; a successful watch notifies at once. Source:
//! <https://developers.google.com/workspace/gmail/api/guides/push>.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use postrider_domain::Timestamp;

use super::World;
use crate::dice::Dice;
use crate::error::ApiError;
use crate::labels::{LabelIx, LabelSet};
use crate::mailbox::Mailbox;

/// Parameters of `users.watch`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WatchRequest {
    /// `projects/<project>/topics/<topic>`.
    pub topic: String,
    /// Labels to filter by; none means the whole mailbox.
    pub label_ids: Vec<String>,
    /// `labelFilterBehavior` EXCLUDE: notify for changes without these labels.
    pub exclude: bool,
}

/// Answer of `users.watch`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WatchAnswer {
    /// The mailbox's current history id.
    pub history_id: u64,
    /// When the watch ends unless renewed.
    pub expiration: Timestamp,
}

/// A live watch.
#[derive(Debug, Clone)]
pub(crate) struct Watch {
    topic: String,
    labels: LabelSet,
    exclude: bool,
    expires: Timestamp,
    last: Option<Timestamp>,
}

/// A notification for Pub/Sub to push: `{"emailAddress","historyId"}` with the ids of the transport.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// Pub/Sub's id, unique in the topic.
    pub message_id: String,
    pub publish_time: Timestamp,
    pub topic: String,
    pub email_address: String,
    pub history_id: u64,
}

/// What becomes of notifications above one a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Excess {
    /// One more is sent when the second is over, with the history id of that moment.
    #[default]
    Coalesce,
    /// They are dropped, as Google's page says.
    Drop,
}

/// Notifications that wait to be taken.
#[derive(Debug)]
pub(crate) struct Outbox {
    dice: Dice,
    ready: Vec<Notification>,
    /// Address → when its coalesced notification is due.
    trailing: BTreeMap<String, Timestamp>,
    excess: Excess,
    dropped: u64,
    last_id: u64,
}

impl Outbox {
    pub fn new(seed: u64) -> Self {
        let dice = Dice::derive(seed, 2);
        Self { dice, ready: Vec::new(), trailing: BTreeMap::new(), excess: Excess::default(), dropped: 0, last_id: 0 }
    }

    fn notify(&mut self, mailbox: &Mailbox, topic: &str, now: Timestamp) {
        // By the microsecond, so that a restart with the same seed uses no id again.
        let by_time = u64::try_from(now.timestamp_micros()).unwrap_or(0);
        self.last_id = self.last_id.max(by_time) + self.dice.between(1, 1_000);
        self.ready.push(Notification {
            message_id: self.last_id.to_string(),
            publish_time: now,
            topic: topic.to_owned(),
            email_address: mailbox.address.to_string(),
            history_id: mailbox.head(),
        });
    }
}

/// Shortest time between two notifications of one user.
const SPACING: TimeDelta = TimeDelta::seconds(1);

impl World {
    /// `users.watch`: starts or renews. 400 for a bad topic name or an unknown label, and while another topic is
    /// watched (`Only one user push notification client allowed per developer`).
    pub fn watch(&self, address: &str, request: &WatchRequest) -> Result<WatchAnswer, ApiError> {
        let parts: Vec<&str> = request.topic.split('/').collect();
        let ["projects", project, "topics", topic] = parts.as_slice() else {
            return Err(ApiError::invalid(format!(
                "Invalid topicName does not match projects/*/topics/*: {}",
                request.topic
            )));
        };
        if project.is_empty() || topic.is_empty() {
            return Err(ApiError::invalid("Invalid topicName"));
        }
        let now = self.now();
        let answer = self.call(address, |mailbox| {
            let find =
                |id: &String| mailbox.labels.find(id).ok_or_else(|| ApiError::invalid(format!("Invalid label: {id}")));
            let labels = request.label_ids.iter().map(find).collect::<Result<LabelSet, _>>()?;
            let live = mailbox.watch.as_ref().filter(|watch| watch.expires > now);
            if live.is_some_and(|watch| watch.topic != request.topic) {
                return Err(ApiError::precondition(
                    "Only one user push notification client allowed per developer (call /stop then try again)",
                ));
            }
            let expires = now + TimeDelta::days(7);
            let watch =
                Watch { topic: request.topic.clone(), labels, exclude: request.exclude, expires, last: Some(now) };
            mailbox.watch = Some(watch);
            self.outbox().notify(mailbox, &request.topic, now);
            Ok(WatchAnswer { history_id: mailbox.head(), expiration: expires })
        })?;
        self.wake();
        Ok(answer)
    }

    /// `users.stop`. Succeeds also when nothing was watched.
    pub fn stop(&self, address: &str) -> Result<(), ApiError> {
        self.call(address, |mailbox| {
            mailbox.watch = None;
            Ok(())
        })
    }

    /// When the mailbox's watch ends, if it has one that has not ended.
    pub fn watch_until(&self, address: &str) -> Option<Timestamp> {
        let now = self.now();
        self.with(address, |mailbox| mailbox.watch.as_ref().map(|watch| watch.expires)).ok()?.filter(|end| *end > now)
    }

    /// What becomes of notifications above one a second and user.
    pub fn set_excess(&self, excess: Excess) {
        self.outbox().excess = excess;
    }

    /// Notifications that are due, oldest first. Each is given once.
    pub fn take_notifications(&self) -> Vec<Notification> {
        let now = self.now();
        let due: Vec<String> = {
            let outbox = self.outbox();
            outbox.trailing.iter().filter(|(_, at)| **at <= now).map(|(address, _)| address.clone()).collect()
        };
        for address in due {
            // Lock order is mailbox, then outbox, everywhere.
            let sent = self.with(&address, |mailbox| {
                let mut outbox = self.outbox();
                outbox.trailing.remove(&address);
                if let Some(topic) = fire(mailbox, now) {
                    outbox.notify(mailbox, &topic, now);
                }
            });
            if sent.is_err() {
                self.outbox().trailing.remove(&address);
            }
        }
        std::mem::take(&mut self.outbox().ready)
    }

    /// When the next coalesced notification is due.
    pub fn next_notification(&self) -> Option<Timestamp> {
        self.outbox().trailing.values().min().copied()
    }

    /// How many notifications were dropped for being more than one a second.
    pub fn dropped_notifications(&self) -> u64 {
        self.outbox().dropped
    }

    /// A mailbox changed: notify, or hold or drop the notification if there was one within the last second.
    pub(super) fn note_change(&self, mailbox: &mut Mailbox, touched: Option<&LabelSet>, now: Timestamp) {
        let Some(watch) = mailbox.watch.as_ref().filter(|watch| watch.expires > now) else { return };
        if !wanted(watch, touched) {
            return;
        }
        let early = watch.last.is_some_and(|last| now - last < SPACING);
        let due = watch.last.map_or(now, |last| last + SPACING);
        let mut outbox = self.outbox();
        if !early {
            if let Some(topic) = fire(mailbox, now) {
                outbox.trailing.remove(mailbox.address.as_ref());
                outbox.notify(mailbox, &topic, now);
            }
        } else if outbox.excess == Excess::Coalesce {
            outbox.trailing.entry(mailbox.address.to_string()).or_insert(due);
        } else {
            outbox.dropped += 1;
        }
    }
}

/// The topic of a live watch, which counts as notified now.
fn fire(mailbox: &mut Mailbox, now: Timestamp) -> Option<String> {
    let watch = mailbox.watch.as_mut().filter(|watch| watch.expires > now)?;
    watch.last = Some(now);
    Some(watch.topic.clone())
}

fn wanted(watch: &Watch, touched: Option<&LabelSet>) -> bool {
    let Some(touched) = touched else { return true };
    let hit = watch.labels.iter().any(|label: LabelIx| touched.has(label));
    watch.labels.is_empty() || hit != watch.exclude
}
