//! Gmail history ids and the versions that decide which news about a mail is newer (law 2).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::ids::ParseIdError;

/// A mailbox's history id: increasing with random gaps, written as decimal text on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct HistoryId(pub u64);

impl HistoryId {
    /// For a `bigint` column. Gmail's ids are far below 2^63; a larger one is capped.
    pub fn as_i64(self) -> i64 {
        i64::try_from(self.0).unwrap_or(i64::MAX)
    }

    /// From a `bigint` column; negative values cannot be written by [`Self::as_i64`] and read as 0.
    pub fn from_i64(value: i64) -> Self {
        Self(u64::try_from(value).unwrap_or(0))
    }
}

impl fmt::Display for HistoryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for HistoryId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self).map_err(|_nan| ParseIdError { kind: "HistoryId", reason: "is not a decimal number" })
    }
}

impl Serialize for HistoryId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for HistoryId {
    /// Reads text or a number: pushes have been seen with both.
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            Number(u64),
            Text(String),
        }
        match Form::deserialize(deserializer)? {
            Form::Number(value) => Ok(Self(value)),
            Form::Text(text) => text.parse().map_err(serde::de::Error::custom),
        }
    }
}

/// What a row knows about a mail: the mailbox's generation (bumped when Gmail's ids start over), then the history id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Version {
    pub generation: i32,
    pub history_id: HistoryId,
}

impl Version {
    pub fn new(generation: i32, history_id: HistoryId) -> Self {
        Self { generation, history_id }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generation_outranks_history_id() {
        assert!(Version::new(1, HistoryId(5)) > Version::new(0, HistoryId(9_000)));
        assert!(Version::new(1, HistoryId(6)) > Version::new(1, HistoryId(5)));
    }

    #[test]
    fn reads_numbers_and_text_and_writes_text() {
        for json in ["7", "\"7\""] {
            assert_eq!(serde_json::from_str::<HistoryId>(json).unwrap(), HistoryId(7));
        }
        assert_eq!(serde_json::to_string(&HistoryId(7)).unwrap(), "\"7\"");
        assert!(serde_json::from_str::<HistoryId>("\"-7\"").is_err());
    }
}
