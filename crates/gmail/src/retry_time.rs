//! When Google wants to hear from us again: a header, a detail of the error, or words in its message.

use chrono::{DateTime, TimeDelta, Utc};
use postrider_domain::Timestamp;

/// Nothing waits longer than this on Google's word: sending limits last a day, a broken clock could say a century.
const LONGEST: TimeDelta = TimeDelta::hours(36);

/// `Retry-After`: seconds or an HTTP date (RFC 9110 §10.2.3).
pub(super) fn from_header(value: &str, now: Timestamp) -> Option<Timestamp> {
    let value = value.trim();
    match value.parse::<u32>() {
        Ok(seconds) => sane(now + TimeDelta::seconds(i64::from(seconds)), now),
        Err(_date) => sane(DateTime::parse_from_rfc2822(value).ok()?.with_timezone(&Utc), now),
    }
}

/// `google.rpc.RetryInfo`: a duration such as `3.5s`.
pub(super) fn from_delay(value: &str, now: Timestamp) -> Option<Timestamp> {
    let seconds: f64 = value.trim().strip_suffix('s')?.parse().ok()?;
    let delay = std::time::Duration::try_from_secs_f64(seconds).ok()?;
    sane(now.checked_add_signed(TimeDelta::from_std(delay).ok()?)?, now)
}

/// `… Retry after 2026-11-21T03:04:05.678Z` inside a message.
pub(super) fn from_text(text: &str, now: Timestamp) -> Option<Timestamp> {
    let lower = text.to_ascii_lowercase();
    let at = lower.find("retry after ")? + "retry after ".len();
    let stamp = text.get(at..)?.split_whitespace().next()?;
    let stamp = stamp.trim_end_matches([')', '.', ',', '"']);
    sane(DateTime::parse_from_rfc3339(stamp).ok()?.with_timezone(&Utc), now)
}

fn sane(at: Timestamp, now: Timestamp) -> Option<Timestamp> {
    (at > now).then(|| at.min(now + LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-11-21T03:00:00Z".parse().unwrap()
    }

    #[test]
    fn reads_all_three_forms() {
        let in_90 = Some(now() + TimeDelta::seconds(90));
        assert_eq!(from_header(" 90 ", now()), in_90);
        assert_eq!(from_header("Sat, 21 Nov 2026 03:01:30 GMT", now()), in_90);
        assert_eq!(from_delay("90s", now()), in_90);
        let text = "User-rate limit exceeded.  Retry after 2026-11-21T03:01:30.000Z";
        assert_eq!(from_text(text, now()), in_90);
        assert_eq!(from_text("x (retry after 2026-11-21T03:01:30Z).", now()), in_90);
    }

    #[test]
    fn ignores_the_past_and_caps_the_far_future() {
        assert_eq!(from_header("0", now()), None);
        assert_eq!(from_text("Retry after 2020-01-01T00:00:00Z", now()), None);
        assert_eq!(from_header("4294967295", now()), Some(now() + LONGEST));
        assert_eq!(from_delay("1e300s", now()), None);
        for junk in ["", "soon", "-5", "NaNs", "s", "Retry after", "Retry after lunch"] {
            assert_eq!(from_header(junk, now()).or(from_delay(junk, now())).or(from_text(junk, now())), None);
        }
    }
}
