//! Quotas. Source: <https://developers.google.com/workspace/gmail/api/reference/quota>.

use std::time::Duration;

use chrono::{DateTime, TimeDelta};
use postrider_domain::Timestamp;
use serde::{Deserialize, Serialize};

use super::Method;
use crate::dice::Dice;
use crate::error::ApiError;

/// Which table of costs counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum CostTable {
    /// Projects created on or after 2026-05-01: a get costs 20 units.
    #[default]
    #[serde(rename = "2026")]
    Gmail2026,
    /// Older projects: a get costs 5 units.
    #[serde(rename = "legacy")]
    Legacy,
}

impl CostTable {
    /// Units of one call, the same for every `format`.
    pub fn units(self, method: Method) -> u32 {
        let (new, legacy) = match method {
            Method::GetProfile | Method::LabelsList | Method::LabelsGet => (1, 1),
            Method::HistoryList => (2, 2),
            Method::MessagesList | Method::Modify | Method::Untrash => (5, 5),
            Method::Delete => (10, 10),
            Method::MessagesGet | Method::AttachmentsGet | Method::Trash => (20, 5),
            Method::Insert | Method::Import => (25, 25),
            Method::Stop => (50, 50),
            Method::Watch => (100, 100),
            Method::Token | Method::Revoke => (0, 0),
        };
        match self {
            Self::Gmail2026 => new,
            Self::Legacy => legacy,
        }
    }
}

/// In which form a user's limit error comes. Google uses all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitStyle {
    /// One of the following, by the seed.
    #[default]
    Mixed,
    /// 403 `rateLimitExceeded` with "Quota exceeded for quota metric …".
    Metric403,
    /// 403 `userRateLimitExceeded` with "Retry after <time>" in the text.
    User403,
    /// 429 `userRateLimitExceeded` with "Retry after <time>" in the text.
    User429,
    /// 429 `rateLimitExceeded` with a `Retry-After` header.
    Header429,
}

/// Limits in units; `None` is no limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quota {
    pub table: CostTable,
    /// Units per minute and user.
    pub per_user: Option<u64>,
    /// Units per minute for the project.
    pub per_project: Option<u64>,
    /// Units per day for the project: 403 `dailyLimitExceeded` above it.
    pub per_day: Option<u64>,
    /// Calls running at the same time for one user. Google does not publish the number.
    pub concurrency: Option<u32>,
    pub style: LimitStyle,
}

impl Default for Quota {
    fn default() -> Self {
        Self::off()
    }
}

impl Quota {
    /// Projects created on or after 2026-05-01.
    pub fn gmail_2026() -> Self {
        Self {
            table: CostTable::Gmail2026,
            per_user: Some(6_000),
            per_project: Some(1_200_000),
            per_day: Some(80_000_000),
            concurrency: Some(50),
            style: LimitStyle::Mixed,
        }
    }

    /// Older projects.
    pub fn legacy() -> Self {
        Self { table: CostTable::Legacy, per_user: Some(15_000), ..Self::gmail_2026() }
    }

    /// No limits; units are still counted.
    pub fn off() -> Self {
        Self {
            table: CostTable::Gmail2026,
            per_user: None,
            per_project: None,
            per_day: None,
            concurrency: None,
            style: LimitStyle::Mixed,
        }
    }

    /// `2026`, `legacy` or `off`.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "2026" => Some(Self::gmail_2026()),
            "legacy" => Some(Self::legacy()),
            "off" => Some(Self::off()),
            _ => None,
        }
    }

    pub(super) fn daily() -> ApiError {
        ApiError::new(403, "dailyLimitExceeded", "Daily Limit Exceeded")
    }

    pub(super) fn project() -> ApiError {
        ApiError::new(403, "rateLimitExceeded", metric("Queries per minute"))
    }

    pub(super) fn user(&self, until: Timestamp, now: Timestamp, dice: &mut Dice) -> ApiError {
        let style = match self.style {
            LimitStyle::Mixed => match dice.below(4) {
                0 => LimitStyle::Metric403,
                1 => LimitStyle::User403,
                2 => LimitStyle::User429,
                _ => LimitStyle::Header429,
            },
            style => style,
        };
        match style {
            LimitStyle::User403 => ApiError::user_rate(403, until),
            LimitStyle::User429 => ApiError::user_rate(429, until),
            LimitStyle::Header429 => {
                let mut error = ApiError::new(429, "rateLimitExceeded", "Rate Limit Exceeded");
                error.retry_after = Some(u32::try_from((until - now).num_seconds().max(1)).unwrap_or(60));
                error
            }
            LimitStyle::Metric403 | LimitStyle::Mixed => {
                ApiError::new(403, "rateLimitExceeded", metric("Queries per minute per user"))
            }
        }
    }
}

fn metric(limit: &str) -> String {
    format!(
        "Quota exceeded for quota metric 'Queries' and limit '{limit}' of service 'gmail.googleapis.com' \
         for consumer 'project_number:1234567890'."
    )
}

/// Units used in the running window: whole minutes or days of the world's clock.
#[derive(Debug, Default)]
pub(super) struct Window {
    number: i64,
    used: u64,
}

impl Window {
    /// If the units do not fit: when the window ends.
    pub fn over(&mut self, limit: Option<u64>, units: u64, length: Duration, now: Timestamp) -> Option<Timestamp> {
        let length = i64::try_from(length.as_secs()).unwrap_or(60);
        let number = now.timestamp().div_euclid(length);
        if number != self.number {
            *self = Self { number, used: 0 };
        }
        let end = DateTime::from_timestamp((number + 1) * length, 0).unwrap_or(now + TimeDelta::seconds(length));
        limit.is_some_and(|limit| self.used + units > limit).then_some(end)
    }

    pub fn take(&mut self, units: u64) {
        self.used += units;
    }
}
