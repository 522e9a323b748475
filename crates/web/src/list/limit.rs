//! The `limit` parameter.

use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

/// How many items a page may have: 1 to 100, 50 where nothing is said. Use it with `#[serde(default)]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(value_type = u32, minimum = 1, maximum = 100, default = 50)]
pub struct Limit(u32);

impl Limit {
    pub const MAX: u32 = 100;

    pub fn get(self) -> u32 {
        self.0
    }

    /// How many rows to ask the database for: the one above the limit tells that there is a next page.
    pub fn and_one(self) -> i64 {
        i64::from(self.0) + 1
    }
}

impl Default for Limit {
    fn default() -> Self {
        Self(50)
    }
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u32::deserialize(deserializer)? {
            limit @ 1..=Self::MAX => Ok(Self(limit)),
            _ => Err(serde::de::Error::custom("must be from 1 to 100")),
        }
    }
}
