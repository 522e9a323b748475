//! Turns a refusal of Google's into a [`GmailError`], by status, reason and, where Google uses one reason for several
//! things, known phrases. Google's messages are never kept: they may name addresses.

use postrider_domain::Timestamp;
use serde::Deserialize;

use super::retry_time;
use super::{GmailError, LimitKind};
use crate::quota::Method;

/// A refusal as it came over the wire.
#[derive(Debug, Clone, Default)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) retry_after: Option<String>,
    pub(super) body: Document,
}

/// Google's error document. Every member may be missing, and all of it when a proxy answers.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Document {
    error: Inner,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Inner {
    message: String,
    status: String,
    errors: Vec<Item>,
    details: Vec<Detail>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Item {
    message: String,
    reason: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Detail {
    reason: String,
    retry_delay: String,
}

impl Document {
    /// Reads a body; one that is not Google's error document reads as an empty one.
    pub(super) fn read(body: &[u8]) -> Self {
        serde_json::from_slice(body).unwrap_or_default()
    }

    fn reasons(&self) -> impl Iterator<Item = &str> {
        let error = &self.error;
        let items = error.errors.iter().map(|item| item.reason.as_str());
        items.chain(error.details.iter().map(|detail| detail.reason.as_str())).chain([error.status.as_str()])
    }

    fn has(&self, wanted: &[&str]) -> bool {
        self.reasons().any(|reason| wanted.iter().any(|wanted| reason.eq_ignore_ascii_case(wanted)))
    }

    fn says(&self, phrase: &str) -> bool {
        let holds = |text: &str| text.to_ascii_lowercase().contains(phrase);
        holds(&self.error.message) || self.error.errors.iter().any(|item| holds(&item.message))
    }

    fn retry_at(&self, now: Timestamp) -> Option<Timestamp> {
        let error = &self.error;
        let told = error.details.iter().filter_map(|detail| retry_time::from_delay(&detail.retry_delay, now));
        let texts = std::iter::once(&error.message).chain(error.errors.iter().map(|item| &item.message));
        told.chain(texts.filter_map(|text| retry_time::from_text(text, now))).max()
    }

    /// The first reason, which is a word of Google's and safe to keep.
    fn reason(&self, status: u16) -> String {
        let word = |reason: &&str| !reason.is_empty() && reason.len() <= 64 && reason.is_ascii();
        self.reasons().find(word).map_or_else(|| format!("{status}"), |reason| format!("{status} {reason}"))
    }
}

/// What a refusal of a call means.
pub(super) fn classify(method: Method, refusal: &Refusal, now: Timestamp) -> GmailError {
    let Refusal { status, retry_after, body } = refusal;
    let header = retry_after.as_deref().and_then(|value| retry_time::from_header(value, now));
    let retry_at = header.max(body.retry_at(now));
    let reason = body.reason(*status);
    match status {
        400 => bad_request(method, body, reason),
        401 if body.has(SCOPE) => GmailError::ScopeMissing,
        401 => GmailError::Auth,
        403 | 429 => limit(body, *status, retry_at).unwrap_or_else(|| forbidden(body, reason)),
        404 | 410 if method == Method::HistoryList => GmailError::HistoryGone,
        404 | 410 => GmailError::NotFound,
        408 | 425 | 500..=599 => GmailError::Transient { reason, retry_at },
        // A redirect or an informational answer is not Gmail's.
        100..=399 => GmailError::Transient { reason, retry_at },
        _ => GmailError::BadRequest { reason },
    }
}

const SCOPE: &[&str] = &["insufficientPermissions", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"];
const DOMAIN: &[&str] = &["domainPolicy"];
const DISABLED: &[&str] = &["accessNotConfigured", "SERVICE_DISABLED"];
/// A failed precondition like any other, but for its words.
const NO_MAIL: &str = "mail service not enabled";
const DAILY: &[&str] = &["dailyLimitExceeded", "dailyLimitExceededUnreg"];
const RATE: &[&str] =
    &["rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded", "RATE_LIMIT_EXCEEDED", "RESOURCE_EXHAUSTED"];

fn bad_request(method: Method, body: &Document, reason: String) -> GmailError {
    if body.says("only one user push notification client allowed") {
        return GmailError::WatchTaken;
    }
    // A page token outlives neither its listing's snapshot nor a day or so.
    if body.says("pagetoken") || body.says("page token") {
        return GmailError::PageGone;
    }
    if method == Method::HistoryList && body.says("starthistoryid") {
        return GmailError::HistoryGone;
    }
    if body.says(NO_MAIL) {
        return GmailError::MailServiceOff;
    }
    if body.has(&["failedPrecondition", "FAILED_PRECONDITION"]) {
        return GmailError::FailedPrecondition { reason };
    }
    GmailError::BadRequest { reason }
}

/// A limit of any kind, told by 403 or 429.
fn limit(body: &Document, status: u16, retry_at: Option<Timestamp>) -> Option<GmailError> {
    let metric = body.says("quota exceeded for quota metric");
    if body.has(DAILY) || metric && body.says("per day") {
        return Some(GmailError::DailyLimit { retry_at });
    }
    // 429 is also Google's newer word for units; only its text tells them from concurrency, bandwidth and sending.
    if metric || status == 403 && (body.has(RATE) || body.says("rate limit exceeded")) {
        return Some(GmailError::RateLimited { kind: LimitKind::Quota, retry_at });
    }
    (status == 429).then_some(GmailError::RateLimited { kind: LimitKind::Concurrency, retry_at })
}

fn forbidden(body: &Document, reason: String) -> GmailError {
    if body.has(SCOPE) {
        GmailError::ScopeMissing
    } else if body.has(DOMAIN) {
        GmailError::DomainPolicy
    } else if body.has(DISABLED) {
        GmailError::ApiDisabled
    } else if body.says(NO_MAIL) {
        GmailError::MailServiceOff
    } else {
        GmailError::Permanent { reason }
    }
}

#[cfg(test)]
#[path = "classify_tests.rs"]
mod tests;
