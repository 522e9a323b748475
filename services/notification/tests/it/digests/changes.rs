//! Settings that change in the middle of a period.

use chrono::TimeDelta;
use serde_json::json;

use super::{IN_DIGESTS, close, daily};
use crate::post_office::{PostOffice, time};

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_zone_or_time_leaves_no_gap_and_doubles_nothing() {
    let office = daily("Europe/Berlin").await;
    office.raise("before").await;
    office.clock.advance(TimeDelta::hours(1));
    // 22:00 in Tokyo: the next 09:00 there is midnight UTC.
    office.set(None, json!({ "digestTimezone": "Asia/Tokyo" })).await;
    office.raise("after").await;
    close(&office).await;
    assert_eq!(office.texts(IN_DIGESTS).await, ["before none", "after none"]);
    office.clock.set(time("2026-06-02T00:00:00Z"));
    close(&office).await;
    assert_eq!(office.texts(IN_DIGESTS).await, ["before 06-02 00:00", "after 06-02 00:00"]);
    // A change of something else at the very hour does not put the digest off.
    office.raise("hour").await;
    office.clock.set(time("2026-06-03T00:00:01Z"));
    office.set(None, json!({ "includeContent": false })).await;
    close(&office).await;
    assert_eq!(office.texts(IN_DIGESTS).await[2], "hour 06-03 00:00");
    // Switched off, nothing is sent; on again, what came meanwhile is old news.
    office.raise("off").await;
    office.set(None, json!({ "digestFrequency": "none" })).await;
    office.clock.advance(TimeDelta::days(2));
    close(&office).await;
    office.set(None, json!({ "digestFrequency": "weekly" })).await;
    office.raise("on").await;
    office.clock.advance(TimeDelta::days(8));
    close(&office).await;
    assert_eq!(office.texts(IN_DIGESTS).await[3..], ["off none", "on 06-08 00:00"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_to_more_frequent_digests_takes_effect_at_the_next_boundary() {
    let office = PostOffice::at("2026-06-02T12:00:00Z").await;
    let every =
        |frequency: &str| json!({ "digestFrequency": frequency, "digestTime": "09:00", "digestTimezone": "UTC" });
    // The Monday that a week ends on is the end of a day too, and so is the first of a month.
    for (from, next) in [("weekly", "06-03 09:00"), ("monthly", "06-04 09:00")] {
        office.set(None, every(from)).await;
        office.raise(from).await;
        office.set(None, every("daily")).await;
        office.clock.advance(TimeDelta::days(1));
        close(&office).await;
        assert_eq!(office.texts(IN_DIGESTS).await.last().unwrap(), &format!("{from} {next}"));
    }
}
