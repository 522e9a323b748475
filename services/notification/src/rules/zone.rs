//! Time zones by their IANA names, from the data compiled in: the same in a bare container as on a desk.

use jiff::tz::{TimeZone, TimeZoneDatabase};
use postrider_domain::Timestamp;

static ZONES: std::sync::LazyLock<TimeZoneDatabase> = std::sync::LazyLock::new(TimeZoneDatabase::bundled);

/// The zone of that name, in any case; nothing for a name that is none.
pub fn zone(name: &str) -> Option<TimeZone> {
    ZONES.get(name).ok()
}

/// The instant as the calendar's library has it.
pub fn instant(at: Timestamp) -> jiff::Timestamp {
    let nanos = i32::try_from(at.timestamp_subsec_nanos()).unwrap_or(0);
    jiff::Timestamp::new(at.timestamp(), nanos).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
}

/// The instant as rows and events have it.
pub fn timestamp(at: jiff::Timestamp) -> Timestamp {
    let nanos = u32::try_from(at.subsec_nanosecond()).unwrap_or(0);
    Timestamp::from_timestamp(at.as_second(), nanos).unwrap_or_default()
}

/// `2026-03-08T03:30:00-04:00[America/New_York]`, to the second. An unknown zone is shown in UTC: a wrong setting must
/// not stop mail.
pub fn local_time(at: Timestamp, name: &str) -> String {
    let zone = zone(name).unwrap_or(TimeZone::UTC);
    let second = jiff::Timestamp::from_second(at.timestamp()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    second.to_zoned(zone).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;

    #[test]
    fn follows_daylight_saving() {
        let at = |text: &str| DateTime::parse_from_rfc3339(text).unwrap().to_utc();
        let new_york = |text| local_time(at(text), "America/New_York");
        assert_eq!(new_york("2026-03-08T06:59:59Z"), "2026-03-08T01:59:59-05:00[America/New_York]");
        assert_eq!(new_york("2026-03-08T07:00:00Z"), "2026-03-08T03:00:00-04:00[America/New_York]");
        assert!(local_time(at("2026-03-08T07:00:00Z"), "Mars/Olympus").contains("2026-03-08T07:00:00"));
    }

    #[test]
    fn names_are_those_of_the_bundled_data_alone() {
        assert_eq!(zone("europe/berlin").unwrap().iana_name(), Some("Europe/Berlin"));
        // A machine's own files are not asked: `posixrules` and `localtime` are names there.
        for none in ["", "Mars/Olympus", "posixrules", "localtime", "../../etc/passwd", "+02:00"] {
            assert!(zone(none).is_none(), "{none}");
        }
    }
}
