//! The `Date` header: RFC 5322, what it was before, and what mailers make of it.

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveTime};
use postrider_domain::Timestamp;

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// Hours of the zones RFC 5322 names.
const ZONES: [(&str, i32); 12] = [
    ("utc", 0),
    ("gmt", 0),
    ("ut", 0),
    ("z", 0),
    ("est", -5),
    ("edt", -4),
    ("cst", -6),
    ("cdt", -5),
    ("mst", -7),
    ("mdt", -6),
    ("pst", -8),
    ("pdt", -7),
];

/// The time a header tells; None if it tells none.
pub(crate) fn read(header: &[u8]) -> Option<Timestamp> {
    let text = without_comments(header);
    if let Ok(date) = DateTime::parse_from_rfc3339(text.trim()) {
        return Some(date.to_utc());
    }
    let mut found = Found::default();
    // `20-Nov-2026` as well as `20 Nov 2026`; a sign before digits belongs to the zone.
    let dashed = |c: char| c.is_whitespace() || matches!(c, ',' | ';');
    for token in text.split(dashed).filter(|token| !token.is_empty()) {
        found.take(token)?;
    }
    found.date()
}

fn without_comments(header: &[u8]) -> String {
    let mut depth = 0_usize;
    let mut text = String::new();
    for c in String::from_utf8_lossy(header).chars() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ if depth == 0 => text.push(c),
            _ => {}
        }
    }
    text
}

/// What the tokens said so far.
#[derive(Default)]
struct Found {
    day: Option<u32>,
    month: Option<u32>,
    year: Option<i32>,
    time: Option<NaiveTime>,
    zone: Option<i32>,
}

impl Found {
    /// None if the token cannot be part of any date.
    fn take(&mut self, token: &str) -> Option<()> {
        if token.contains(':') {
            self.time = Some(time(token)?);
        } else if let Some(hours) = token.strip_prefix(['+', '-']).and_then(|_| zone(token)) {
            self.zone = Some(hours);
        } else if token.contains('-') {
            token.split('-').try_for_each(|part| self.take(part))?;
        } else if token.chars().all(|c| c.is_ascii_digit()) {
            self.number(token)?;
        } else {
            self.word(&token.to_ascii_lowercase());
        }
        Some(())
    }

    fn number(&mut self, digits: &str) -> Option<()> {
        let number: i32 = digits.parse().ok()?;
        if self.day.is_none() && digits.len() <= 2 {
            self.day = u32::try_from(number).ok();
        } else if self.year.is_none() {
            // RFC 5322 §4.3.
            self.year = Some(match digits.len() {
                1 | 2 if number < 50 => number + 2000,
                1..=3 => number + 1900,
                4 => number,
                _ => return None,
            });
        }
        Some(())
    }

    /// A month or a zone; days of the week and other words tell nothing.
    fn word(&mut self, word: &str) {
        let month = word.get(..3).and_then(|head| MONTHS.iter().position(|month| *month == head));
        if let (None, Some(month)) = (self.month, month) {
            self.month = u32::try_from(month + 1).ok();
        } else if let Some((_, hours)) = ZONES.iter().find(|(name, _)| *name == word) {
            self.zone = self.zone.or(Some(hours * 3600));
        }
    }

    fn date(self) -> Option<Timestamp> {
        let day = NaiveDate::from_ymd_opt(self.year?, self.month?, self.day?)?;
        let zone = FixedOffset::east_opt(self.zone.unwrap_or(0))?;
        let local = day.and_time(self.time.unwrap_or_default()).and_local_timezone(zone);
        local.single().map(|date| date.to_utc())
    }
}

/// `10:00`, `10:00:00`, `10:00:60` (a leap second is the one before it).
fn time(token: &str) -> Option<NaiveTime> {
    let mut parts = token.split(':').map(|part| part.split('.').next().unwrap_or_default().parse::<u32>());
    let (hour, minute) = (parts.next()?.ok()?, parts.next()?.ok()?);
    let second = parts.next().map_or(Some(0), Result::ok)?;
    NaiveTime::from_hms_opt(hour, minute, if second == 60 { 59 } else { second })
}

/// `+0130` in seconds.
fn zone(token: &str) -> Option<i32> {
    let digits = token.get(1..).filter(|digits| digits.len() == 4)?;
    let (hours, minutes): (i32, i32) = (digits.get(..2)?.parse().ok()?, digits.get(2..)?.parse().ok()?);
    let seconds = hours * 3600 + minutes * 60;
    Some(if token.starts_with('-') { -seconds } else { seconds }).filter(|_| minutes < 60 && hours < 24)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_all_times() {
        for (header, expected) in [
            ("Fri, 20 Nov 2026 10:00:00 +0100", "2026-11-20T09:00:00+00:00"),
            ("20 Nov 2026 10:00 -0130", "2026-11-20T11:30:00+00:00"),
            ("Fri, 20 Nov 2026 10:00:00 +0000 (GMT (really))", "2026-11-20T10:00:00+00:00"),
            ("Fri,20 (x) Nov 2026 10:00:00 EST", "2026-11-20T15:00:00+00:00"),
            ("Fri Nov 20 10:00:00 2026", "2026-11-20T10:00:00+00:00"),
            ("20-Nov-26 10:00:00 GMT", "2026-11-20T10:00:00+00:00"),
            ("Mon, 5 January 98 23:59:60 PDT", "1998-01-06T06:59:59+00:00"),
            ("1 Jan 1970 00:00:00 +0000", "1970-01-01T00:00:00+00:00"),
            ("19 Jan 2038 03:14:08 +0000", "2038-01-19T03:14:08+00:00"),
            ("2026-11-20T10:00:00+01:00", "2026-11-20T09:00:00+00:00"),
            ("20 Nov 2026", "2026-11-20T00:00:00+00:00"),
        ] {
            assert_eq!(read(header.as_bytes()).map(|date| date.to_rfc3339()).as_deref(), Some(expected), "{header}");
        }
        for header in ["", "yesterday", "Tue, 99 Foo 12345 99:99:99", "31 Feb 2026 10:00", "1 Jan 2026 25:00", "\u{FF}"]
        {
            assert_eq!(read(header.as_bytes()), None, "{header}");
        }
    }
}
