//! Topics and their policies.

use actix_web::http::Method;
use serde::Deserialize;
use serde_json::json;

use super::{Reply, read, shown, unknown};
use crate::pubsub::Policy;
use crate::server::Sim;

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct SetPolicy {
    pub policy: Policy,
}

pub(super) fn call(sim: &Sim, method: &Method, name: &str, verb: &str, body: &[u8]) -> Reply {
    match (method.as_str(), verb) {
        ("PUT", "") => sim.pubsub.create_topic(name).map(|()| json!({"name": name})),
        ("GET", "") => sim.pubsub.topic(name).map(|()| json!({"name": name})),
        ("DELETE", "") => sim.pubsub.delete_topic(name).map(|()| json!({})),
        ("GET", "getIamPolicy") => shown(&sim.pubsub.policy(name)?),
        ("POST", "setIamPolicy") => {
            let wanted: SetPolicy = read(body)?;
            shown(&sim.pubsub.set_policy(name, wanted.policy)?)
        }
        _ => Err(unknown(method, name)),
    }
}
