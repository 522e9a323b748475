//! Fault rules: which calls fail or are slow, how, how often.

use chrono::TimeDelta;
use postrider_domain::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Method, Transport};
use crate::dice::Dice;
use crate::error::ApiError;

/// A rule. The first one that matches a call and whose dice fall decides; without a status it only delays.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {
    /// Given by the simulator.
    pub id: u64,
    /// `messages.get`, `history.list`, `oauth.token`, …; none matches all.
    pub method: Option<String>,
    /// Address of the account; none matches all.
    pub account: Option<String>,
    /// Message id the call is about; none matches all.
    pub message: Option<String>,
    /// HTTP status to answer; none lets the call pass (to be slow or cut).
    pub status: Option<u16>,
    /// `reason` of the error; by default the usual one of the status.
    pub reason: Option<String>,
    /// Text of the error.
    pub text: Option<String>,
    /// Probability for each matching call.
    pub rate: f64,
    /// How many calls it hits before it ends; none is for ever.
    pub count: Option<u32>,
    /// Matching calls to let pass first.
    pub skip: u32,
    /// Wait before answering, in real milliseconds.
    pub latency_ms: Option<u64>,
    /// Seconds of a `Retry-After` header.
    pub retry_after: Option<u32>,
    /// Put "Retry after <time>" into the text, this many seconds ahead.
    pub retry_after_text: Option<u32>,
    /// Cut the body of the answer in the middle: `transport: cut`.
    pub truncate: bool,
    /// How the answer travels; `html` without a status is 500.
    pub transport: Option<Transport>,
    /// How often it has hit.
    pub hits: u64,
}

impl Default for Rule {
    fn default() -> Self {
        Self {
            id: 0,
            method: None,
            account: None,
            message: None,
            status: None,
            reason: None,
            text: None,
            rate: 1.0,
            count: None,
            skip: 0,
            latency_ms: None,
            retry_after: None,
            retry_after_text: None,
            truncate: false,
            transport: None,
            hits: 0,
        }
    }
}

impl Rule {
    /// The first rule that hits this call. A rule that has used up its count is dropped.
    pub(super) fn first(
        rules: &mut Vec<Self>,
        dice: &mut Dice,
        account: &str,
        method: Method,
        entity: Option<&str>,
    ) -> Option<Self> {
        let hit = rules.iter_mut().find_map(|rule| {
            if !rule.matches(account, method, entity) {
                return None;
            }
            if rule.skip > 0 {
                rule.skip -= 1;
                return None;
            }
            if rule.rate < 1.0 && !dice.chance(rule.rate) {
                return None;
            }
            rule.hits += 1;
            rule.count = rule.count.map(|left| left.saturating_sub(1));
            Some(rule.clone())
        });
        if hit.as_ref().is_some_and(|rule| rule.count == Some(0)) {
            rules.retain(|rule| rule.count != Some(0));
        }
        hit
    }

    fn matches(&self, account: &str, method: Method, entity: Option<&str>) -> bool {
        self.count != Some(0)
            && self.method.as_deref().is_none_or(|name| name == method.name())
            && self.account.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(account))
            && self.message.as_deref().is_none_or(|wanted| entity == Some(wanted))
    }

    pub(super) fn transport(&self) -> Option<Transport> {
        self.transport.or(self.truncate.then_some(Transport::Cut))
    }

    pub(super) fn error(&self, now: Timestamp) -> Option<ApiError> {
        let html = self.transport == Some(Transport::Html);
        let status = self.status.or(html.then_some(500))?;
        let usual = match status {
            400 => "badRequest",
            401 => "authError",
            403 | 429 => "rateLimitExceeded",
            404 => "notFound",
            _ => "backendError",
        };
        let reason = self.reason.clone().unwrap_or_else(|| usual.to_owned());
        let mut error = ApiError::new(status, reason.clone(), self.text.clone().unwrap_or(reason));
        if let Some(ahead) = self.retry_after_text {
            error.message = ApiError::user_rate(status, now + TimeDelta::seconds(i64::from(ahead))).message;
        }
        error.retry_after = self.retry_after;
        Some(error)
    }
}
