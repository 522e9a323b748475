//! Event ids: how far each room of the socket was when the event was sent, e.g. `<epoch>-n42us40`.
//!
//! After the epoch of the user's log stands `n<nseq>` for the room of notifications and `s<nseq>` for that of sync runs,
//! if the socket had subscribed it: everything of that room up to there was sent. `p` behind a number says that the
//! socket is a partial view of that room, `u` at the end that the event is the unread count after that place.
//!
//! The id holds the place, so resuming needs no look-up. A client that invents one only moves its own replay.
//!
//! Earlier versions wrote `<epoch>-<nseq>`, with `u` and `p` behind it, and one number for whatever the socket had
//! subscribed. Such an id is read as an upper bound for both rooms ([`Certainty::Unproven`]).

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

use crate::rules::Room;

/// What a place in an id says of everything before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Certainty {
    /// All of the room was sent.
    Whole,
    /// The socket was narrowed to one account: whoever gives the id back has not seen the whole room.
    Partial,
    /// The id does not say whether the room was subscribed: no more than this was sent, perhaps nothing.
    Unproven,
}

/// How far one room was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub nseq: i64,
    pub certainty: Certainty,
}

impl Place {
    /// All of the room up to there.
    pub fn whole(nseq: i64) -> Self {
        Self { nseq, certainty: Certainty::Whole }
    }
}

/// Where a socket was in its user's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventId {
    pub epoch: Uuid,
    /// Nothing where the room was not subscribed.
    pub notifications: Option<Place>,
    pub sync: Option<Place>,
    /// It is the unread count after the place of notifications.
    pub count: bool,
}

impl EventId {
    /// How far the room was, if the id holds it.
    pub fn place(&self, room: Room) -> Option<Place> {
        match room {
            Room::Notifications => self.notifications,
            Room::Sync => self.sync,
        }
    }

    /// The greatest number in it.
    pub fn highest(&self) -> i64 {
        self.numbers().max().unwrap_or(0)
    }

    /// The least number in it.
    pub fn lowest(&self) -> i64 {
        self.numbers().min().unwrap_or(0)
    }

    fn numbers(&self) -> impl Iterator<Item = i64> {
        [self.notifications, self.sync].into_iter().flatten().map(|place| place.nseq)
    }

    /// Adds `eventId` and `nseq`, the number of the entry it is about, to an event.
    pub fn stamp(self, nseq: i64, event: &mut serde_json::Value) {
        if let Some(members) = event.as_object_mut() {
            members.insert("eventId".to_owned(), self.to_string().into());
            members.insert("nseq".to_owned(), nseq.into());
        }
    }
}

/// A text that is no event id of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not an event id")]
pub struct NotAnEventId;

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-", self.epoch.simple())?;
        for (letter, place) in [('n', self.notifications), ('s', self.sync)] {
            let Some(Place { nseq, certainty }) = place else { continue };
            let mark = match certainty {
                Certainty::Whole => "",
                Certainty::Partial => "p",
                Certainty::Unproven => "q",
            };
            write!(f, "{letter}{nseq}{mark}")?;
        }
        f.write_str(if self.count { "u" } else { "" })
    }
}

impl FromStr for EventId {
    type Err = NotAnEventId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (epoch, places) = text.split_once('-').ok_or(NotAnEventId)?;
        let epoch = Uuid::try_parse(epoch).map_err(|_| NotAnEventId)?;
        if places.starts_with(|first: char| first.is_ascii_digit()) {
            return earlier(epoch, places);
        }
        let (places, count) = without(places, 'u');
        let (notifications, places) = place_of('n', places)?;
        let (sync, places) = place_of('s', places)?;
        let nothing = notifications.is_none() && sync.is_none();
        if nothing || !places.is_empty() || (count && notifications.is_none()) {
            return Err(NotAnEventId);
        }
        Ok(Self { epoch, notifications, sync, count })
    }
}

/// `<nseq>[u][p]`: one number, whatever the socket had subscribed. A count went to the room of notifications only.
fn earlier(epoch: Uuid, text: &str) -> Result<EventId, NotAnEventId> {
    let (text, partial) = without(text, 'p');
    let (digits, count) = without(text, 'u');
    let nseq = number(digits)?;
    let certainty = match (count, partial) {
        (false, _) => Certainty::Unproven,
        (true, true) => Certainty::Partial,
        (true, false) => Certainty::Whole,
    };
    let sync = Place { nseq, certainty: Certainty::Unproven };
    Ok(EventId { epoch, notifications: Some(Place { nseq, certainty }), sync: Some(sync), count })
}

/// The place behind that letter, and what follows it.
fn place_of(letter: char, text: &str) -> Result<(Option<Place>, &str), NotAnEventId> {
    let Some(text) = text.strip_prefix(letter) else { return Ok((None, text)) };
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    let (certainty, rest) = match (rest.strip_prefix('p'), rest.strip_prefix('q')) {
        (Some(rest), _) => (Certainty::Partial, rest),
        (None, Some(rest)) => (Certainty::Unproven, rest),
        (None, None) => (Certainty::Whole, rest),
    };
    Ok((Some(Place { nseq: number(digits)?, certainty }), rest))
}

fn number(digits: &str) -> Result<i64, NotAnEventId> {
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if plain { digits.parse().map_err(|_| NotAnEventId) } else { Err(NotAnEventId) }
}

/// The text without that last letter, and whether it was there.
fn without(text: &str, letter: char) -> (&str, bool) {
    text.strip_suffix(letter).map_or((text, false), |rest| (rest, true))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CERTAINTIES: [Certainty; 3] = [Certainty::Whole, Certainty::Partial, Certainty::Unproven];

    fn places(nseq: i64) -> Vec<Option<Place>> {
        CERTAINTIES.into_iter().map(|certainty| Some(Place { nseq, certainty })).chain([None]).collect()
    }

    #[test]
    fn reads_what_it_prints_and_nothing_else() {
        for notifications in places(42) {
            for sync in places(7) {
                for count in [false, true] {
                    let id = EventId { epoch: Uuid::from_u128(7), notifications, sync, count };
                    let printable = if count { notifications.is_some() } else { notifications.or(sync).is_some() };
                    let read = id.to_string().parse();
                    assert_eq!(read, if printable { Ok(id) } else { Err(NotAnEventId) }, "{id}");
                }
            }
        }
        let epoch = Uuid::nil().simple().to_string();
        let bad = [
            "",
            "-1",
            "+1",
            "1uu",
            "1pu",
            "p",
            "n",
            "u",
            "nu",
            "n-1",
            "n+1",
            "n1x",
            "n1ps",
            "s1n1",
            "n1n1",
            "s1u",
            "n1 ",
            "n1us1",
            "99999999999999999999",
            "n99999999999999999999",
            "1 ",
        ];
        for bad in bad.map(|place| format!("{epoch}-{place}")).iter().chain(&["42".into(), "-42".into(), epoch.clone()])
        {
            assert_eq!(bad.parse::<EventId>(), Err(NotAnEventId), "{bad}");
        }
    }

    #[test]
    fn an_id_of_an_earlier_version_proves_no_room_but_that_of_its_count() {
        let epoch = Uuid::from_u128(7);
        for (text, certainty, count) in [
            ("42", Certainty::Unproven, false),
            ("42p", Certainty::Unproven, false),
            ("42u", Certainty::Whole, true),
            ("42up", Certainty::Partial, true),
        ] {
            let id: EventId = format!("{}-{text}", epoch.simple()).parse().unwrap();
            let of = |certainty| Some(Place { nseq: 42, certainty });
            let read = EventId { epoch, notifications: of(certainty), sync: of(Certainty::Unproven), count };
            assert_eq!(id, read, "{text}");
        }
    }
}
