//! An invitation's gist (RFC 5545): what, when, by whom. The part itself stays an attachment.

use chrono::{NaiveDate, NaiveDateTime};
use postrider_domain::Timestamp;

use super::text::line;
use super::{Mailbox, limits};

/// What the first event of a `text/calendar` part says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Invitation {
    /// Where the part stands: the `part_id` of its attachment.
    pub part_id: String,
    /// `REQUEST`, `REPLY`, `CANCEL` and so on; upper case.
    pub method: Option<String>,
    pub summary: Option<String>,
    pub location: Option<String>,
    pub start: Option<EventTime>,
    pub end: Option<EventTime>,
    pub organizer: Option<Mailbox>,
}

/// A time as the invitation tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventTime {
    /// A whole day.
    Day(NaiveDate),
    At(Timestamp),
    /// A time of a place; `zone` is the name the invitation gives, if any.
    Local {
        time: NaiveDateTime,
        zone: Option<String>,
    },
}

/// Lines looked at: a calendar may bring the whole history of its zones.
const LINES: usize = 20_000;

/// Reads the first event; None if there is none.
pub(super) fn read(text: &str, part_id: &str, method: Option<String>) -> Option<Invitation> {
    let method = method.map(|method| method.to_ascii_uppercase());
    let mut invitation = Invitation { part_id: part_id.to_owned(), method, ..Invitation::default() };
    let mut within: Vec<String> = Vec::new();
    let mut found = false;
    for property in unfold(text).lines().take(LINES) {
        let Some((name, params, value)) = property_of(property) else { continue };
        match (name.as_str(), within.last().map(String::as_str)) {
            ("BEGIN", _) => {
                found |= value.trim().eq_ignore_ascii_case("VEVENT");
                within.push(value.trim().to_ascii_uppercase());
            }
            ("END", Some("VEVENT")) => break,
            ("END", _) => drop(within.pop()),
            ("METHOD", Some("VCALENDAR")) if invitation.method.is_none() => {
                invitation.method = line(&value.to_ascii_uppercase(), 64);
            }
            ("SUMMARY", Some("VEVENT")) => invitation.summary = line(&unescape(value), limits::LINE),
            ("LOCATION", Some("VEVENT")) => invitation.location = line(&unescape(value), limits::LINE),
            ("DTSTART", Some("VEVENT")) => invitation.start = time(params, value),
            ("DTEND", Some("VEVENT")) => invitation.end = time(params, value),
            ("ORGANIZER", Some("VEVENT")) => invitation.organizer = organizer(params, value),
            _ => {}
        }
    }
    found.then_some(invitation)
}

/// A line end with a space or a tab behind it is none.
fn unfold(text: &str) -> String {
    text.replace("\r\n", "\n").replace("\n ", "").replace("\n\t", "")
}

/// `NAME;PARAM=value:value`; a colon within quotes does not count.
fn property_of(line: &str) -> Option<(String, &str, &str)> {
    let mut quoted = false;
    let colon = line.find(|c| {
        quoted ^= c == '"';
        c == ':' && !quoted
    })?;
    let (head, value) = (line.get(..colon)?, line.get(colon + 1..)?);
    let (name, params) = head.split_once(';').unwrap_or((head, ""));
    Some((name.trim().to_ascii_uppercase(), params, value))
}

fn param<'a>(params: &'a str, name: &str) -> Option<&'a str> {
    let mut quoted = false;
    let each = params.split(|c| {
        quoted ^= c == '"';
        c == ';' && !quoted
    });
    let mut pairs = each.filter_map(|pair| pair.split_once('='));
    pairs.find(|(given, _)| given.trim().eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().trim_matches('"'))
}

fn unescape(value: &str) -> String {
    value.replace("\\n", "\n").replace("\\N", "\n").replace("\\,", ",").replace("\\;", ";").replace("\\\\", "\\")
}

fn time(params: &str, value: &str) -> Option<EventTime> {
    let value = value.trim();
    if let Ok(day) = NaiveDate::parse_from_str(value, "%Y%m%d") {
        return Some(EventTime::Day(day));
    }
    let time = NaiveDateTime::parse_from_str(value.trim_end_matches('Z'), "%Y%m%dT%H%M%S").ok()?;
    if value.ends_with('Z') {
        return Some(EventTime::At(time.and_utc()));
    }
    Some(EventTime::Local { time, zone: param(params, "TZID").and_then(|zone| line(zone, 256)) })
}

fn organizer(params: &str, value: &str) -> Option<Mailbox> {
    let value = value.trim();
    let is_mail = value.get(..7).is_some_and(|head| head.eq_ignore_ascii_case("mailto:"));
    let address = if is_mail { value.get(7..)? } else { value };
    let (name, address) =
        (param(params, "CN").and_then(|name| line(name, limits::LINE)), line(address, limits::MESSAGE_ID));
    (name.is_some() || address.is_some()).then(|| Mailbox { name, address: address.unwrap_or_default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const INVITE: &str = "BEGIN:VCALENDAR\r\nMETHOD:request\r\nBEGIN:VTIMEZONE\r\nTZID:Europe/Berlin\r\n\
        BEGIN:STANDARD\r\nDTSTART:19701025T030000\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\nBEGIN:VEVENT\r\n\
        SUMMARY:Paint the gate\\, at\r\n  last\r\nDTSTART;TZID=Europe/Berlin:20261120T100000\r\n\
        DTEND;TZID=\"Europe/Berlin\":20261120T113000\r\nLOCATION:Shed\\; left\r\n\
        ORGANIZER;CN=\"Baker: Ann\":MAILTO:ann@example.org\r\nBEGIN:VALARM\r\nSUMMARY:no\r\nEND:VALARM\r\n\
        END:VEVENT\r\nBEGIN:VEVENT\r\nSUMMARY:second\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";

    #[test]
    fn the_first_event_is_told() {
        let invitation = read(INVITE, "1", None).unwrap();
        assert_eq!(invitation.method.as_deref(), Some("REQUEST"));
        assert_eq!(invitation.summary.as_deref(), Some("Paint the gate, at last"));
        assert_eq!(invitation.location.as_deref(), Some("Shed; left"));
        let organizer = invitation.organizer.unwrap();
        assert_eq!((organizer.name.as_deref(), organizer.address.as_str()), (Some("Baker: Ann"), "ann@example.org"));
        let Some(EventTime::Local { time, zone }) = invitation.start else { unreachable!("{:?}", invitation.start) };
        assert_eq!((time.to_string().as_str(), zone.as_deref()), ("2026-11-20 10:00:00", Some("Europe/Berlin")));
    }

    #[test]
    fn times_in_each_form() {
        let start = |property: &str| read(&format!("BEGIN:VEVENT\n{property}\nEND:VEVENT"), "0", None).unwrap().start;
        assert!(
            matches!(start("DTSTART;VALUE=DATE:20261120"), Some(EventTime::Day(day)) if day.to_string() == "2026-11-20")
        );
        assert!(
            matches!(start("DTSTART:20261120T100000Z"), Some(EventTime::At(at)) if at.timestamp() == 1_795_168_800)
        );
        assert!(matches!(start("DTSTART:20261120T100000"), Some(EventTime::Local { zone: None, .. })));
        assert_eq!(start("DTSTART:tomorrow"), None);
        assert_eq!(read("BEGIN:VCALENDAR\nEND:VCALENDAR", "0", None), None);
        assert_eq!(read("no calendar", "0", None), None);
    }
}
