//! What a digest takes of what is archived or read.

use chrono::TimeDelta;
use postrider_notification::jobs::clean_up;
use postrider_notification::rules::Mark;
use serde_json::json;

use super::{IN_DIGESTS, close, daily};
use crate::post_office::{PostOffice, time};

#[tokio::test(flavor = "multi_thread")]
async fn what_its_time_archived_before_the_period_was_over_is_in_its_digest() {
    let office = PostOffice::at("2026-01-01T12:00:00Z").await;
    office.set(None, json!({ "digestFrequency": "monthly", "digestTime": "09:00", "digestTimezone": "UTC" })).await;
    office.raise("first day").await;
    office.clock.set(time("2026-02-01T08:00:00Z"));
    clean_up(&office.world.db.db, &office.actions).await.unwrap();
    let archived = "SELECT is_archived::text AS value FROM notification.notifications";
    assert_eq!(office.texts(archived).await, ["true"]);
    office.clock.set(time("2026-02-01T09:00:00Z"));
    close(&office).await;
    assert_eq!(office.texts(IN_DIGESTS).await, ["first day 02-01 09:00"]);
    assert!(office.server.taken()[0].text().contains("about first day"));
}

#[tokio::test(flavor = "multi_thread")]
async fn archived_ones_are_in_no_digest_and_read_ones_are() {
    let office = daily("UTC").await;
    let ids = [office.raise("archived").await, office.raise("read").await];
    for (id, mark) in ids.iter().zip([Mark::Archived, Mark::Read]) {
        office.mark(id, mark).await;
    }
    office.clock.advance(TimeDelta::days(1));
    close(&office).await;
    assert_eq!(office.texts(IN_DIGESTS).await, ["archived none", "read 06-02 09:00"]);
}
