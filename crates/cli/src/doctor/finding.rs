//! One line of the doctor.

use serde::Serialize;

/// How it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    Ok,
    /// It works, and will not for ever, or not fully.
    Warn,
    Fail,
}

/// What was looked at, how it stands, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// One word for what it belongs to, e.g. `postgres`.
    pub area: &'static str,
    pub verdict: Verdict,
    pub text: String,
    /// Absent where all is well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

impl Finding {
    pub fn ok(area: &'static str, text: impl Into<String>) -> Self {
        Self { area, verdict: Verdict::Ok, text: text.into(), remedy: None }
    }

    pub fn warn(area: &'static str, text: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { area, verdict: Verdict::Warn, text: text.into(), remedy: Some(remedy.into()) }
    }

    pub fn fail(area: &'static str, text: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { area, verdict: Verdict::Fail, text: text.into(), remedy: Some(remedy.into()) }
    }
}
