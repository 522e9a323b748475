//! Message and thread ids: 64 bits, written as sixteen hexadecimal digits, as Gmail's are.

use std::fmt;
use std::str::FromStr;

/// A Gmail message or thread id (a thread carries the id of its first message).
///
/// The high bits are the milliseconds at which the message came to be, so ids of one mailbox rise with time and an id
/// is never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct MsgId(pub u64);

impl MsgId {
    /// The id after `last` for something made at `millis`, with `noise` in the low bits.
    pub(crate) fn after(last: Self, millis: i64, noise: u64) -> Self {
        let by_time = (u64::try_from(millis).unwrap_or(0) << 20) | (noise & 0xf_ffff);
        Self(by_time.max(last.0 + 1 + (noise & 0x3f)))
    }
}

impl MsgId {
    /// When it came to be.
    pub(crate) fn time(self) -> postrider_domain::Timestamp {
        let millis = i64::try_from(self.0 >> 20).unwrap_or(0);
        chrono::DateTime::from_timestamp_millis(millis).unwrap_or_default()
    }
}

impl fmt::Display for MsgId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FromStr for MsgId {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        u64::from_str_radix(text, 16).map(Self)
    }
}

impl serde::Serialize for MsgId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for MsgId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rise_even_when_time_stands_or_goes_back() {
        let mut last = MsgId::default();
        for millis in [1_000, 1_000, 999, 5_000, 5_000] {
            let next = MsgId::after(last, millis, 0x1234_5678);
            assert!(next > last);
            last = next;
        }
        assert_eq!(last.to_string().parse::<MsgId>(), Ok(last));
    }
}
