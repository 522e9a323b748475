//! The user's wall clock, by the bundled time zone data.

use jiff::tz::TimeZone;
use postrider_domain::Timestamp;

/// `2026-03-08T03:30:00-04:00[America/New_York]`. An unknown zone is shown in UTC: a wrong setting must not stop mail.
pub fn local_time(at: Timestamp, zone: &str) -> String {
    let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
    jiff::Timestamp::from_second(at.timestamp()).unwrap_or(jiff::Timestamp::UNIX_EPOCH).to_zoned(zone).to_string()
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
}
