//! How long keys may be kept, from the answer's headers.

use chrono::TimeDelta;

/// Kept at least this long, whatever the header says.
const SHORTEST: i64 = 60;
/// Kept at most this long: issuers rotate their keys about daily.
const LONGEST: i64 = 24 * 3_600;
/// Without a header.
const DEFAULT: i64 = 3_600;

/// The freshness of an answer: `max-age` less the `Age` it already has.
pub(super) fn lifetime(cache_control: Option<&str>, age: Option<&str>) -> TimeDelta {
    let max_age = cache_control.and_then(|header| {
        let directives = header.split(',').map(str::trim);
        let value = |directive: &str| directive.to_ascii_lowercase().strip_prefix("max-age=")?.parse::<i64>().ok();
        directives.into_iter().find_map(value)
    });
    let age = age.and_then(|age| age.trim().parse::<i64>().ok()).unwrap_or(0).max(0);
    TimeDelta::seconds(max_age.unwrap_or(DEFAULT).saturating_sub(age).clamp(SHORTEST, LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_max_age_within_bounds() {
        let rows = [
            (Some("public, max-age=19000, must-revalidate"), None, 19_000),
            (Some("Max-Age=19000"), Some("1000"), 18_000),
            (Some("max-age=0"), None, SHORTEST),
            (Some("no-cache"), None, DEFAULT),
            (Some("max-age=99999999999999999999"), None, DEFAULT),
            (Some("max-age=9999999"), Some("-5"), LONGEST),
            (None, Some("junk"), DEFAULT),
        ];
        for (control, age, seconds) in rows {
            assert_eq!(lifetime(control, age), TimeDelta::seconds(seconds), "{control:?} {age:?}");
        }
    }
}
