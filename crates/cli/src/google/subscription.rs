//! A subscription as it should be, and what of an existing one is not so.

use serde_json::{Map, Value, json};

use super::wanted::{Delivery, Wanted};

/// How long a push may wait for its answer, and a pulled message for its acknowledgement.
const DEADLINE_SECONDS: u64 = 30;
/// Pause before a message that was not taken comes again: the least and the most.
const RETRY: (&str, &str) = ("10s", "600s");

/// A setting of a subscription that is not as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drift {
    Endpoint,
    Account,
    Audience,
    Expiry,
    Deadline,
    Retry,
}

impl Drift {
    /// What is wrong, and how it should be.
    pub fn tell(self, wanted: &Wanted, current: &Value) -> String {
        let is = |pointer: &str| current.pointer(pointer).and_then(Value::as_str);
        let (endpoint, audience, account) = match &wanted.delivery {
            Delivery::Push { endpoint, audience, account } => (endpoint.as_str(), audience.as_str(), account.as_str()),
            Delivery::Pull { .. } => ("", "", ""),
        };
        match self {
            Self::Endpoint => match is("/pushConfig/pushEndpoint") {
                Some(other) => format!("it pushes to {other}, not to {endpoint}"),
                None => format!("it does not push to {endpoint}"),
            },
            Self::Account => match is("/pushConfig/oidcToken/serviceAccountEmail") {
                Some(other) => format!("its pushes are signed as {other}, not as {account}"),
                None => format!("its pushes are not signed, as {account} should"),
            },
            Self::Audience => match effective_audience(current) {
                Some(other) => format!("its audience is {other}, not {audience}"),
                None => format!("it has no audience, not {audience}"),
            },
            Self::Expiry => match is("/expirationPolicy/ttl") {
                Some(idle) => format!("it is deleted when it is idle for {idle}"),
                None => "it is deleted when it is idle for 31 days".to_owned(),
            },
            Self::Deadline => {
                let seconds = current.get("ackDeadlineSeconds").and_then(Value::as_u64).unwrap_or_default();
                format!("its ack deadline is {seconds} s, not {DEADLINE_SECONDS} s")
            }
            Self::Retry => "what is not taken comes again at once, without a pause".to_owned(),
        }
    }

    /// The member of the REST resource it stands in.
    pub fn member(self) -> &'static str {
        match self {
            Self::Endpoint | Self::Account | Self::Audience => "pushConfig",
            Self::Expiry => "expirationPolicy",
            Self::Deadline => "ackDeadlineSeconds",
            Self::Retry => "retryPolicy",
        }
    }

    /// The flags of `gcloud pubsub subscriptions update` that mend it.
    pub fn flags(self, wanted: &Wanted) -> String {
        match (self, &wanted.delivery) {
            (Self::Endpoint | Self::Account | Self::Audience, Delivery::Push { endpoint, audience, account }) => {
                let [endpoint, account, audience] = [endpoint, account, audience].map(|value| word(value));
                format!(
                    "--push-endpoint={endpoint} --push-auth-service-account={account} --push-auth-token-audience={audience}"
                )
            }
            (Self::Endpoint | Self::Account | Self::Audience, Delivery::Pull { .. }) => String::new(),
            (Self::Expiry, _) => "--expiration-period=never".to_owned(),
            (Self::Deadline, _) => format!("--ack-deadline={DEADLINE_SECONDS}"),
            (Self::Retry, _) => format!("--min-retry-delay={} --max-retry-delay={}", RETRY.0, RETRY.1),
        }
    }
}

/// A value as one word of a shell's command.
fn word(value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | ':' | '@' | '%' | '+' | '=');
    if value.chars().all(plain) { value.to_owned() } else { format!("'{}'", value.replace('\'', r"'\''")) }
}

/// All that can drift of such a subscription.
pub fn all(wanted: &Wanted) -> &'static [Drift] {
    match wanted.delivery {
        Delivery::Push { .. } => {
            &[Drift::Endpoint, Drift::Account, Drift::Audience, Drift::Expiry, Drift::Deadline, Drift::Retry]
        }
        Delivery::Pull { .. } => &[Drift::Expiry, Drift::Deadline, Drift::Retry],
    }
}

/// What of it is not as it should be.
pub fn drift(wanted: &Wanted, current: &Value) -> Vec<Drift> {
    all(wanted).iter().copied().filter(|one| is_off(*one, wanted, current)).collect()
}

fn is_off(drift: Drift, wanted: &Wanted, current: &Value) -> bool {
    let text = |pointer: &str| current.pointer(pointer).and_then(Value::as_str);
    match (drift, &wanted.delivery) {
        (Drift::Endpoint, Delivery::Push { endpoint, .. }) => {
            text("/pushConfig/pushEndpoint") != Some(endpoint.as_str())
        }
        (Drift::Account, Delivery::Push { account, .. }) => {
            text("/pushConfig/oidcToken/serviceAccountEmail") != Some(account.as_str())
        }
        (Drift::Audience, Delivery::Push { audience, .. }) => effective_audience(current).as_ref() != Some(audience),
        (Drift::Endpoint | Drift::Account | Drift::Audience, Delivery::Pull { .. }) => false,
        // Never: the policy is there and names no time. Absent, Google deletes it after 31 idle days.
        (Drift::Expiry, _) => current.get("expirationPolicy").is_none_or(|policy| policy.get("ttl").is_some()),
        (Drift::Deadline, _) => {
            current.get("ackDeadlineSeconds").and_then(Value::as_u64).is_none_or(|seconds| seconds < DEADLINE_SECONDS)
        }
        (Drift::Retry, _) => current.get("retryPolicy").is_none(),
    }
}

/// Without one of its own, Google takes the push address.
fn effective_audience(current: &Value) -> Option<String> {
    let token = current.pointer("/pushConfig/oidcToken")?;
    let own = token.get("audience").and_then(Value::as_str).filter(|own| !own.is_empty());
    own.or_else(|| current.pointer("/pushConfig/pushEndpoint").and_then(Value::as_str)).map(str::to_owned)
}

/// The whole subscription, to be created.
pub fn whole(wanted: &Wanted) -> Value {
    let mut members = changes(wanted, &Value::Null, all(wanted));
    members.insert("topic".to_owned(), json!(wanted.topic));
    Value::Object(members)
}

/// The members that mend what drifted; of the push configuration what else stands in it (unwrapped bodies, attributes) stays.
pub fn changes(wanted: &Wanted, current: &Value, drifted: &[Drift]) -> Map<String, Value> {
    let mut members = Map::new();
    for drift in drifted {
        let value = match drift.member() {
            "pushConfig" => push_config(wanted, current),
            "expirationPolicy" => json!({}),
            "ackDeadlineSeconds" => json!(DEADLINE_SECONDS),
            _ => json!({"minimumBackoff": RETRY.0, "maximumBackoff": RETRY.1}),
        };
        members.insert(drift.member().to_owned(), value);
    }
    members
}

fn push_config(wanted: &Wanted, current: &Value) -> Value {
    let mut config = current.get("pushConfig").and_then(Value::as_object).cloned().unwrap_or_default();
    if let Delivery::Push { endpoint, audience, account } = &wanted.delivery {
        config.insert("pushEndpoint".to_owned(), json!(endpoint));
        config.insert("oidcToken".to_owned(), json!({"serviceAccountEmail": account, "audience": audience}));
    }
    Value::Object(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_stays_one_word_in_a_shell() {
        assert_eq!(word("https://mail.acme.example/push"), "https://mail.acme.example/push");
        assert_eq!(word("our audience; rm 'x'"), r"'our audience; rm '\''x'\'''");
    }
}
