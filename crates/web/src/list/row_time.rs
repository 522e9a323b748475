//! Times that clients send.

use chrono::Datelike;
use postrider_domain::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};

/// A time that a row can have: the database knows fewer years than the parser. For times in queries and in cursors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct RowTime(pub Timestamp);

impl<'de> Deserialize<'de> for RowTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Timestamp::deserialize(deserializer)? {
            time if (0..=9_999).contains(&time.year()) => Ok(Self(time)),
            _ => Err(serde::de::Error::custom("must lie in the years 0 to 9999")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Cursor;
    use super::*;

    #[test]
    fn years_the_database_does_not_know_are_refused() {
        let read = |text: &str| serde_json::from_value::<RowTime>(text.into()).map_err(|error| error.to_string());
        for good in ["0000-01-01T00:00:00Z", "2026-11-28T21:00:00.123456Z", "9999-12-31T23:59:59Z"] {
            let time = read(good).unwrap();
            assert_eq!(serde_json::to_value(time).unwrap(), good);
            assert_eq!(Cursor::decode(&Cursor((time, 7)).encode().unwrap()), Some(Cursor((time, 7))));
        }
        for bad in ["-0001-01-01T00:00:00Z", "+10000-01-01T00:00:00Z"] {
            assert_eq!(read(bad).unwrap_err(), "must lie in the years 0 to 9999");
        }
        assert!(read("now").is_err());
    }
}
