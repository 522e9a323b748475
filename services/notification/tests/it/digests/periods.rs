//! A digest holds its period: half-open, also where a clock jumps or the service stood still.

use chrono::TimeDelta;
use serde_json::json;

use super::{IN_DIGESTS, close, daily};
use crate::post_office::{PostOffice, time};

#[tokio::test(flavor = "multi_thread")]
async fn each_notification_is_in_the_digest_of_its_period_and_each_digest_is_one_mail() {
    let office = daily("Europe/Berlin").await;
    office.raise("a").await;
    office.clock.set(time("2026-06-02T06:59:59Z"));
    office.raise("b").await;
    close(&office).await;
    assert_eq!(office.server.taken().len(), 0);
    office.clock.set(time("2026-06-02T07:00:00Z"));
    // On the boundary: the next one's.
    office.raise("c").await;
    close(&office).await;
    close(&office).await;
    let [mail] = office.server.taken().try_into().unwrap();
    let text = mail.text();
    assert!(
        text.contains("daily digest: 2 notifications") && text.contains("about a") && text.contains("about b"),
        "{text}"
    );
    assert!(
        text.contains("2026-06-01 14:00 to 2026-06-02 09:00 (Europe/Berlin)") && !text.contains("about c"),
        "{text}"
    );
    assert!(mail.header("List-Unsubscribe").contains("/api/notifications/unsubscribe/"));
    office.clock.set(time("2026-06-03T07:00:00Z"));
    close(&office).await;
    // Nothing came: it is written down, and no mail.
    office.clock.set(time("2026-06-04T07:00:00Z"));
    close(&office).await;
    assert_eq!(office.texts(IN_DIGESTS).await, ["a 06-02 07:00", "b 06-02 07:00", "c 06-03 07:00"]);
    assert_eq!(
        (office.server.taken().len(), office.texts("SELECT id::text AS value FROM notification.digests").await.len()),
        (2, 3)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn after_days_of_standstill_there_is_one_digest() {
    let office = daily("UTC").await;
    office.raise("a").await;
    office.clock.advance(TimeDelta::days(3));
    office.raise("b").await;
    close(&office).await;
    assert_eq!(office.texts(IN_DIGESTS).await, ["a 06-04 09:00", "b none"]);
    assert_eq!(office.server.taken().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumps_over_the_hour_or_shows_it_twice_sends_one() {
    let office = PostOffice::at("2026-03-07T12:00:00Z").await;
    let settings = json!({ "digestFrequency": "daily", "digestTime": "02:30", "digestTimezone": "America/New_York" });
    office.set(None, settings).await;
    office.raise("gap").await;
    // 02:30 does not exist: it is sent at 03:30 EDT.
    office.clock.set(time("2026-03-08T07:29:59Z"));
    close(&office).await;
    assert_eq!(office.server.taken().len(), 0);
    office.clock.set(time("2026-03-08T07:30:00Z"));
    close(&office).await;
    assert_eq!(office.texts(IN_DIGESTS).await, ["gap 03-08 07:30"]);
    office.set(None, json!({ "digestTime": "01:30" })).await;
    office.clock.set(time("2026-10-31T12:00:00Z"));
    close(&office).await;
    office.raise("fold").await;
    for when in ["2026-11-01T05:30:00Z", "2026-11-01T06:30:00Z", "2026-11-01T07:00:00Z"] {
        office.clock.set(time(when));
        close(&office).await;
        office.raise(when).await;
    }
    assert_eq!(office.texts(IN_DIGESTS).await[1..3], ["fold 11-01 05:30", "2026-11-01T05:30:00Z none"]);
    assert_eq!(office.server.taken().len(), 2);
}
