//! Event ids: `<epoch>-<nseq>` names an entry of a user's log; a trailing `u` names the unread count sent after it, a
//! trailing `p` says that the socket it was sent to is a partial view.
//!
//! The id holds the place, so resuming needs no look-up. A client that invents one only moves its own replay.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

/// An event's place in its user's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventId {
    pub epoch: Uuid,
    pub nseq: i64,
    /// It is the unread count after the entry.
    pub count: bool,
    /// Its socket was not sent everything before it (it was narrowed to one account): whoever gives it back has not
    /// seen the whole log up to there.
    pub partial: bool,
}

impl EventId {
    /// Adds `eventId` and `nseq` to an event.
    pub fn stamp(self, event: &mut serde_json::Value) {
        if let Some(members) = event.as_object_mut() {
            members.insert("eventId".to_owned(), self.to_string().into());
            members.insert("nseq".to_owned(), self.nseq.into());
        }
    }
}

/// A text that is no event id of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not an event id")]
pub struct NotAnEventId;

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (count, partial) = (if self.count { "u" } else { "" }, if self.partial { "p" } else { "" });
        write!(f, "{}-{}{count}{partial}", self.epoch.simple(), self.nseq)
    }
}

impl FromStr for EventId {
    type Err = NotAnEventId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (epoch, place) = text.split_once('-').ok_or(NotAnEventId)?;
        let epoch = Uuid::try_parse(epoch).map_err(|_| NotAnEventId)?;
        let (place, partial) = without(place, 'p');
        let (number, count) = without(place, 'u');
        if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(NotAnEventId);
        }
        let nseq = number.parse().map_err(|_| NotAnEventId)?;
        Ok(Self { epoch, nseq, count, partial })
    }
}

/// The text without that last letter, and whether it was there.
fn without(text: &str, letter: char) -> (&str, bool) {
    text.strip_suffix(letter).map_or((text, false), |rest| (rest, true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_prints_and_nothing_else() {
        for (count, partial) in [(false, false), (true, false), (false, true), (true, true)] {
            let id = EventId { epoch: Uuid::from_u128(7), nseq: 42, count, partial };
            assert_eq!(id.to_string().parse(), Ok(id));
        }
        let epoch = Uuid::nil().simple().to_string();
        for bad in [
            "",
            "42",
            "-42",
            &epoch,
            &format!("{epoch}--1"),
            &format!("{epoch}-+1"),
            &format!("{epoch}-1uu"),
            &format!("{epoch}-1pu"),
            &format!("{epoch}-p"),
            &format!("{epoch}-99999999999999999999"),
            &format!("{epoch}-1 "),
        ] {
            assert_eq!(bad.parse::<EventId>(), Err(NotAnEventId), "{bad}");
        }
    }
}
