//! Header-style notices (https://developers.google.com/workspace/drive/api/guides/push#receive-notifications): what the
//! headers say, and what becomes of one.

use postrider_contracts::ingest::MailboxChanged;
use postrider_contracts::{Envelope, TraceContext};
use postrider_domain::{EventId, Timestamp};
use uuid::Uuid;

/// `source` of news that came by a channel.
const CHANNEL: &str = "channel";
/// The state of a channel's first notice: it says that the channel works, and nothing else.
const SYNC: &str = "sync";
/// How many channels a user may have.
pub const MOST: i64 = 20;

/// What a notice's headers say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Notice<'a> {
    pub channel: Option<Uuid>,
    pub token: &'a str,
    pub state: &'a str,
    /// Absent where it is no number of a notice.
    pub number: Option<i64>,
}

/// Header that only channel notices have.
pub const CHANNEL_ID: &str = "x-goog-channel-id";

impl<'a> Notice<'a> {
    /// Reads the headers; `header` gives a value by its lower-case name.
    pub fn read(header: impl Fn(&str) -> Option<&'a str>) -> Self {
        Self {
            channel: header(CHANNEL_ID).and_then(|text| text.trim().parse().ok()),
            token: header("x-goog-channel-token").unwrap_or_default(),
            state: header("x-goog-resource-state").unwrap_or_default(),
            number: header("x-goog-message-number")
                .and_then(|text| text.trim().parse().ok())
                .filter(|number| *number > 0),
        }
    }
}

/// What becomes of a proven notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// The channel works. Nothing is written.
    Sync,
    /// Without a number nobody could tell repeats.
    Unreadable,
    /// Not above the last one: it was passed on.
    Repeated,
    /// News.
    News(i64),
}

/// Decides by what the channel passed on before.
pub fn fate(notice: &Notice<'_>, last: i64) -> Fate {
    match notice.number {
        _ if notice.state.eq_ignore_ascii_case(SYNC) => Fate::Sync,
        None => Fate::Unreadable,
        Some(number) if number <= last => Fate::Repeated,
        Some(number) => Fate::News(number),
    }
}

/// The event. A notice names no history id: the least one says "look".
pub fn event(channel: Uuid, number: i64, address: &str, id: EventId, now: Timestamp, trace: TraceContext) -> Envelope {
    let changed = MailboxChanged {
        email_address: address.to_owned(),
        history_id: 0,
        source_message_id: format!("channel:{channel}:{number}"),
        published_at_ms: 0,
        source: CHANNEL.to_owned(),
    };
    Envelope::of(id, now, &changed).traced(Some(trace))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice<'a>(state: &'a str, number: &'a str) -> Notice<'a> {
        Notice::read(move |name| match name {
            "x-goog-resource-state" => Some(state),
            "x-goog-message-number" => Some(number),
            _ => None,
        })
    }

    #[test]
    fn only_a_greater_number_is_news() {
        assert_eq!(fate(&notice("exists", "8"), 7), Fate::News(8));
        for (state, number) in [("exists", "7"), ("update", "1")] {
            assert_eq!(fate(&notice(state, number), 7), Fate::Repeated, "{state} {number}");
        }
        for number in ["", "0", "-1", "1.5", "9223372036854775808", "eight"] {
            assert_eq!(fate(&notice("exists", number), 7), Fate::Unreadable, "{number:?}");
        }
        for number in ["1", "8", "", "x"] {
            assert_eq!(fate(&notice("sync", number), 7), Fate::Sync, "{number:?}");
        }
    }
}
