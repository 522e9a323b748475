//! The control side of the simulated Google.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::client::http;

/// What Google knows of one mail.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Truth {
    pub id: String,
    pub labels: Vec<String>,
    pub thread_id: String,
}

/// One attempt to push.
#[derive(Debug, Clone, Deserialize)]
pub struct PushAttempt {
    pub message_id: String,
    pub email_address: String,
    pub history_id: u64,
    pub outcome: String,
}

/// The log of pushes.
#[derive(Debug, Deserialize)]
pub struct Pushes {
    /// Attempts that were acknowledged, counted.
    acked: usize,
    log: Vec<PushAttempt>,
}

/// More than the simulator keeps: the whole log.
const WHOLE_LOG: u32 = 100_000;

/// `/_sim/*` of a running simulator.
#[derive(Clone)]
pub struct Sim {
    http: reqwest::Client,
    origin: String,
}

impl Sim {
    pub fn new(origin: &str) -> Self {
        Self { http: http(), origin: origin.to_owned() }
    }

    /// One control call that must succeed.
    pub async fn call(&self, method: Method, path: &str, body: Value) -> Value {
        let response = self
            .http
            .request(method, format!("{}/_sim{path}", self.origin))
            .json(&body)
            .send()
            .await
            .expect("the simulator answers");
        let status = response.status();
        let text = response.text().await.unwrap_or_default();
        assert!(status.is_success(), "{path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }

    pub async fn post(&self, path: &str, body: Value) -> Value {
        self.call(Method::POST, path, body).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Value {
        self.call(Method::PUT, path, body).await
    }

    /// Makes a mailbox of small mails.
    pub async fn mailbox(&self, address: &str, size: u32, seed: u64) {
        self.post("/mailboxes", json!({"address": address, "size": size, "seed": seed, "sizes": "small"})).await;
    }

    /// Delivers `n` mails to the inbox; answers their ids.
    pub async fn deliver(&self, address: &str, n: u32) -> Vec<String> {
        ids(&self.post("/deliver", json!({"account": address, "n": n})).await)
    }

    pub async fn delete(&self, address: &str, ids: &[String]) {
        self.post("/delete", json!({"account": address, "ids": ids})).await;
    }

    pub async fn relabel(&self, address: &str, ids: &[String], add: &[&str], remove: &[&str]) {
        self.post("/relabel", json!({"account": address, "ids": ids, "add": add, "remove": remove})).await;
    }

    /// Makes calls fail by a rule (`method`, `account`, `status`, `rate`, `count`, `latency_ms`, …); answers its id.
    pub async fn fault(&self, rule: Value) -> u64 {
        let answer = self.post("/faults", rule).await;
        answer.get("id").and_then(Value::as_u64).expect("the rule has an id")
    }

    pub async fn remove_fault(&self, id: u64) {
        self.call(Method::DELETE, &format!("/faults/{id}"), Value::Null).await;
    }

    pub async fn clear_faults(&self) {
        self.call(Method::DELETE, "/faults", Value::Null).await;
    }

    /// How often Google was asked by a method (`history.list`, `oauth.token`, …). Counted when the call comes in, before
    /// a rule makes it wait.
    pub async fn calls(&self, method: &str) -> u64 {
        let stats = self.call(Method::GET, "/stats", Value::Null).await;
        stats.pointer(&format!("/methods/{method}/calls")).and_then(Value::as_u64).unwrap_or(0)
    }

    /// Message ids of the pushes that were acknowledged so far, of all accounts.
    pub async fn acknowledged(&self) -> BTreeSet<String> {
        self.acknowledged_attempts().await.into_iter().map(|attempt| attempt.message_id).collect()
    }

    /// The attempts behind them, oldest first.
    pub async fn acknowledged_attempts(&self) -> Vec<PushAttempt> {
        let answer = self.call(Method::GET, &format!("/pushes?limit={WHOLE_LOG}"), Value::Null).await;
        let pushes: Pushes = serde_json::from_value(answer).expect("the log of pushes");
        let acked: Vec<_> = pushes.log.into_iter().filter(|attempt| attempt.outcome == "acked").collect();
        assert_eq!(acked.len(), pushes.acked, "the simulator's log has forgotten some");
        acked
    }

    /// A token with these claims, signed as Google signs.
    pub async fn sign(&self, claims: Value) -> String {
        let answer = self.post("/sign", claims).await;
        answer.get("token").and_then(Value::as_str).expect("a signed token").to_owned()
    }

    /// Every mail that is in the mailbox now, by id.
    pub async fn truth(&self, address: &str) -> BTreeMap<String, Truth> {
        let text = self
            .http
            .get(format!("{}/_sim/truth", self.origin))
            .query(&[("account", address)])
            .send()
            .await
            .expect("the simulator answers")
            .text()
            .await
            .expect("the truth is text");
        text.lines()
            .map(|line| {
                let mut truth: Truth = serde_json::from_str(line).expect("a line of truth is JSON");
                truth.labels.sort();
                (truth.id.clone(), truth)
            })
            .collect()
    }
}

fn ids(answer: &Value) -> Vec<String> {
    let list = answer.get("ids").and_then(Value::as_array).expect("the answer has ids");
    list.iter().filter_map(|id| id.as_str().map(str::to_owned)).collect()
}
