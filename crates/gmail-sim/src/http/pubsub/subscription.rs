//! Subscriptions: made, changed, pulled.

use std::time::Duration;

use actix_web::http::Method;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::SecondsFormat;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::topic::SetPolicy;
use super::{Reply, read, shown, unknown};
use crate::pubsub::{AckId, PubSubError, Pulled, Subscription};
use crate::push::PushConfig;
use crate::server::Sim;

/// How long a pull waits for a message, in real time.
const WAIT: Duration = Duration::from_secs(10);
/// Longest pause between two looks: the clock may be moved from outside.
const LOOK: Duration = Duration::from_millis(50);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Pull {
    max_messages: usize,
    #[serde(default)]
    return_immediately: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Acks {
    ack_ids: Vec<String>,
    #[serde(default)]
    ack_deadline_seconds: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Patch {
    subscription: Map<String, Value>,
    update_mask: String,
}

pub(super) async fn call(sim: &Sim, method: &Method, name: &str, verb: &str, body: &[u8]) -> Reply {
    match (method.as_str(), verb) {
        ("PUT", "") => {
            let mut wanted: Subscription = read(body)?;
            name.clone_into(&mut wanted.name);
            let made = sim.pubsub.create_subscription(wanted)?;
            push(sim, &made);
            shown(&made)
        }
        ("GET", "") => shown(&sim.pubsub.subscription(name)?),
        ("PATCH", "") => patch(sim, name, read(body)?),
        ("DELETE", "") => {
            sim.pubsub.delete_subscription(name)?;
            let config = sim.push_config();
            if config.subscription == name {
                sim.pusher.configure(PushConfig { endpoint: None, ..config });
            }
            Ok(json!({}))
        }
        ("GET", "getIamPolicy") => shown(&sim.pubsub.subscription_policy(name)?),
        ("POST", "setIamPolicy") => {
            let wanted: SetPolicy = read(body)?;
            shown(&sim.pubsub.set_subscription_policy(name, wanted.policy)?)
        }
        ("POST", "pull") => pull(sim, name, read(body)?).await,
        ("POST", "acknowledge") => {
            let acks: Acks = read(body)?;
            sim.pubsub.acknowledge(name, &ids(&acks)?)?;
            Ok(json!({}))
        }
        ("POST", "modifyAckDeadline") => {
            let acks: Acks = read(body)?;
            sim.pubsub.modify_ack_deadline(name, &ids(&acks)?, acks.ack_deadline_seconds, sim.world.now())?;
            Ok(json!({}))
        }
        _ => Err(unknown(method, name)),
    }
}

/// Changes the members that the mask names.
fn patch(sim: &Sim, name: &str, wanted: Patch) -> Reply {
    let changed = sim.pubsub.change_subscription(name, |subscription| {
        for member in wanted.update_mask.split(',').map(camel) {
            let value = wanted.subscription.get(&member).cloned();
            let bad = |_error| PubSubError::invalid(format!("Invalid value at '{member}'"));
            match member.as_str() {
                "name" | "topic" => {
                    return Err(PubSubError::invalid(format!("{member} is not a mutable field")));
                }
                "pushConfig" => {
                    subscription.push_config = value.map_or(Ok(Map::new()), serde_json::from_value).map_err(bad)?
                }
                "ackDeadlineSeconds" => {
                    subscription.ack_deadline_seconds = value.map_or(Ok(10), serde_json::from_value).map_err(bad)?;
                }
                _ => match value {
                    Some(value) => drop(subscription.other.insert(member, value)),
                    None => drop(subscription.other.remove(&member)),
                },
            }
        }
        Ok(())
    })?;
    push(sim, &changed);
    shown(&changed)
}

/// The simulator pushes to one subscription: the last one that was given an endpoint.
fn push(sim: &Sim, subscription: &Subscription) {
    let config = sim.push_config();
    if subscription.is_push() || config.subscription == subscription.name {
        let token = subscription.push_config.get("oidcToken");
        let text = |member: &str| token.and_then(|token| token.get(member)?.as_str()).map(str::to_owned);
        sim.pusher.configure(PushConfig {
            endpoint: subscription.endpoint().map(str::to_owned),
            audience: text("audience"),
            service_account: text("serviceAccountEmail").unwrap_or_else(|| config.service_account.clone()),
            subscription: subscription.name.clone(),
            topic: subscription.topic.clone(),
            unwrapped: subscription.push_config.contains_key("noWrapper"),
            ack_seconds: subscription.ack_deadline_seconds,
            dead_letter: subscription.other.contains_key("deadLetterPolicy"),
            ..config
        });
    }
}

async fn pull(sim: &Sim, name: &str, wanted: Pull) -> Reply {
    if wanted.max_messages == 0 {
        return Err(PubSubError::invalid("maxMessages must be greater than zero"));
    }
    let end = Instant::now() + WAIT;
    loop {
        let published = sim.pubsub.published.notified();
        let now = sim.world.now();
        sim.pusher.collect(sim, now);
        let messages = sim.pubsub.pull(name, wanted.max_messages.min(1_000), now)?;
        if !messages.is_empty() {
            let counts = sim.pubsub.subscription(name)?.other.contains_key("deadLetterPolicy");
            let messages: Vec<Value> = messages.iter().map(|message| received(message, counts)).collect();
            return Ok(json!({"receivedMessages": messages}));
        }
        if wanted.return_immediately || Instant::now() >= end {
            return Ok(json!({}));
        }
        tokio::select! {
            () = published => {}
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

fn received(message: &Pulled, counts: bool) -> Value {
    let of = &message.notification;
    let data = json!({"emailAddress": of.email_address, "historyId": of.history_id});
    let mut body = json!({
        "ackId": message.ack.to_string(),
        "message": {
            "data": STANDARD.encode(data.to_string()),
            "messageId": of.message_id,
            "publishTime": of.publish_time.to_rfc3339_opts(SecondsFormat::Millis, true),
        },
    });
    if counts && let Some(fields) = body.as_object_mut() {
        fields.insert("deliveryAttempt".to_owned(), json!(message.attempt));
    }
    body
}

fn ids(acks: &Acks) -> Result<Vec<AckId>, PubSubError> {
    if acks.ack_ids.is_empty() {
        return Err(PubSubError::invalid("No ack IDs were specified."));
    }
    acks.ack_ids.iter().map(|id| id.parse()).collect()
}

/// Masks come in camel or snake case.
fn camel(member: &str) -> String {
    let mut parts = member.trim().split('_');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |name, part| {
        let mut letters = part.chars();
        let head: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
        name + &head + letters.as_str()
    })
}
