//! Hints between replicas: "this user has a new entry". A lost hint costs time only, never an event: the log in
//! Postgres is what sessions read when a number is missing.
//!
//! After a commit the [`Announcer`] hands a [`Hint`] to this replica's [`Hub`] and, through the broker, to the
//! [`FanOut`] of the others, which hands it to theirs. The hub puts it into the [`HintBuffer`] of each session of the
//! user; what a session does with it is its channel's business (`channels`).

mod announcer;
mod buffer;
mod fan_out;
mod hub;
mod looks;
mod trace;

pub use announcer::Announcer;
pub use buffer::HintBuffer;
pub use fan_out::FanOut;
pub use hub::{Hub, Membership};
pub use looks::Looks;

use postrider_contracts::TraceContext;
use postrider_domain::{TenantId, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::store::log::Entry;

/// A user's log has grown to `nseq`; with exactly one new entry, that entry rides along.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hint {
    pub tenant: TenantId,
    pub user: UserId,
    pub epoch: Uuid,
    pub nseq: i64,
    /// When it was written, by the writer's clock.
    pub at: Timestamp,
    pub entry: Option<Entry>,
    /// The trace of the change, so that its emits can be found by the id of the push behind it. A replica of a version
    /// that knows no traces leaves it out.
    #[serde(default, with = "trace", skip_serializing_if = "Option::is_none")]
    pub trace: Option<TraceContext>,
    /// Which replica wrote it, whose own sessions have heard of it already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<ReplicaId>,
}

/// One process of the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ReplicaId(pub Uuid);

/// The routing key of a tenant's hints: `live.<hash>`. The tenant's own text may be longer than a key allows and hold
/// any character; two tenants with one hash only hear each other's hints, which sessions drop.
pub fn key(tenant: &TenantId) -> String {
    // FNV-1a: the same in every build and replica, which the standard library's hasher does not promise.
    let hash = tenant
        .as_str()
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    format!("live.{hash:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_keeps_its_trace_and_is_read_without_one() {
        let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".parse().ok();
        let hint = Hint {
            tenant: TenantId::parse("t1").unwrap(),
            user: UserId::parse("u1").unwrap(),
            epoch: Uuid::nil(),
            nseq: 1,
            at: Timestamp::default(),
            entry: None,
            trace,
            from: None,
        };
        let mut json = serde_json::to_value(&hint).unwrap();
        assert_eq!(serde_json::from_value::<Hint>(json.clone()).unwrap(), hint);
        for odd in [serde_json::json!("no trace"), serde_json::Value::Null] {
            json["trace"] = odd;
            assert_eq!(serde_json::from_value::<Hint>(json.clone()).unwrap().trace, None);
        }
        json.as_object_mut().unwrap().remove("trace");
        assert_eq!(serde_json::from_value::<Hint>(json).unwrap(), Hint { trace: None, ..hint });
    }

    #[test]
    fn keys_are_stable_and_fit_a_topic() {
        let key = key(&TenantId::parse("demo").unwrap());
        assert_eq!(key, "live.a5e41b674276d396");
        assert_eq!(super::key(&TenantId::parse("#.*").unwrap()).matches('.').count(), 1);
    }
}
