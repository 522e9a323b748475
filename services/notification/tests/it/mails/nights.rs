//! Mails and quiet hours.

use chrono::TimeDelta;
use postrider_notification::rules::Mark;
use serde_json::json;

use super::office;
use crate::mail_server::Reply;
use crate::post_office::time;

#[tokio::test(flavor = "multi_thread")]
async fn quiet_hours_hold_mails_and_end_in_one() {
    let office = office().await;
    // 23:00 in Berlin.
    office.clock.advance(TimeDelta::hours(9));
    office.set(None, json!({ "quietHoursEnabled": true, "quietHoursTimezone": "Europe/Berlin" })).await;
    for title in ["one", "two", "three"] {
        office.raise(title).await;
    }
    office.send().await;
    assert_eq!(office.mails().await, Vec::<String>::new());
    office.clock.advance(TimeDelta::hours(9));
    office.end_quiet_hours().await;
    office.send().await;
    let [mail] = office.server.taken().try_into().unwrap();
    let text = mail.text();
    assert!(
        text.contains("3 notifications") && ["one", "two", "three"].iter().all(|title| text.contains(title)),
        "{text}"
    );
    // One that waited alone is its own mail; a retry that falls into the night waits for its end.
    office.clock.advance(TimeDelta::hours(8));
    office.server.replies([Reply::Content("451 later")]);
    office.raise("late").await;
    office.send().await;
    office.clock.advance(TimeDelta::hours(8));
    office.send().await;
    assert_eq!(office.server.taken().len(), 1);
    office.clock.advance(TimeDelta::hours(9));
    office.send().await;
    assert!(office.server.taken()[1].text().contains("late"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waited_is_told_even_if_the_newest_of_it_may_not_be_any_more() {
    let office = office().await;
    office.clock.advance(TimeDelta::hours(9));
    office.set(None, json!({ "quietHoursEnabled": true, "quietHoursTimezone": "Europe/Berlin" })).await;
    let own = office.account.id;
    office.raise("one").await;
    office.raise_for(&office.account, Some(own), "hidden").await;
    office.raise("two").await;
    office.raise_for(&office.account, Some(own), "newest").await;
    office.clock.advance(TimeDelta::hours(9));
    office.end_quiet_hours().await;
    office.set(Some(own), json!({ "channels": ["in_app"] })).await;
    office.send().await;
    let text = office.server.taken()[0].text();
    assert!(text.contains("2 notifications") && text.contains("one") && text.contains("two"), "{text}");
    assert!(!text.contains("newest") && !text.contains("hidden"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mail_after_quiet_hours_shows_no_content_of_an_account_that_keeps_its_own() {
    let office = office().await;
    office.clock.advance(TimeDelta::hours(9));
    office.set(None, json!({ "quietHoursEnabled": true, "quietHoursTimezone": "Europe/Berlin" })).await;
    let own = office.account.id;
    office.set(Some(own), json!({ "includeContent": false })).await;
    office.raise_for(&office.account, Some(own), "hidden").await;
    office.raise("shown").await;
    office.clock.advance(TimeDelta::hours(9));
    office.end_quiet_hours().await;
    office.send().await;
    let text = office.server.taken()[0].text();
    assert!(text.contains("2 notifications") && text.contains("about shown") && !text.contains("hidden"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_met_the_night_on_its_way_is_in_the_mail_of_the_morning() {
    let office = office().await;
    // 21:59:50 in Berlin.
    office.clock.set(time("2026-06-01T19:59:50Z"));
    office.set(None, json!({ "quietHoursEnabled": true, "quietHoursTimezone": "Europe/Berlin" })).await;
    office.server.replies([Reply::Content("451 later"); 3]);
    for title in ["evening 1", "evening 2", "read by then"] {
        let id = office.raise(title).await;
        office.send().await;
        if title.starts_with("read") {
            office.mark(&id, Mark::Read).await;
        }
    }
    office.clock.advance(TimeDelta::minutes(5));
    office.send().await;
    office.raise("night").await;
    office.clock.set(time("2026-06-02T06:00:00Z"));
    tokio::join!(office.end_quiet_hours(), office.end_quiet_hours());
    office.send().await;
    office.clock.advance(TimeDelta::minutes(2));
    office.send().await;
    let [mail] = office.server.taken().try_into().unwrap();
    let text = mail.text();
    assert!(text.contains("3 notifications") && !text.contains("read by then"), "{text}");
    assert!(["evening 1", "evening 2", "night"].iter().all(|title| text.contains(title)), "{text}");
    assert_eq!(
        office.mails().await,
        ["skipped told_together", "skipped told_together", "skipped read_already", "delivered"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_met_the_night_alone_is_its_own_mail_and_waits_for_nobody_who_does_not_come() {
    let office = office().await;
    let night = json!({ "quietHoursEnabled": true, "quietHoursTimezone": "Europe/Berlin" });
    for (n, ends) in [true, false].into_iter().enumerate() {
        let day = i64::try_from(n).unwrap();
        office.clock.set(time("2026-06-01T19:59:50Z") + TimeDelta::days(day));
        office.set(None, night.clone()).await;
        office.server.replies([Reply::Content("451 later")]);
        office.raise(&format!("evening {n}")).await;
        office.send().await;
        office.clock.advance(TimeDelta::minutes(5));
        office.send().await;
        office.clock.set(time("2026-06-02T06:00:00Z") + TimeDelta::days(day));
        if ends {
            office.end_quiet_hours().await;
        }
        office.send().await;
        assert_eq!(office.server.taken().len(), n + usize::from(ends));
        office.clock.advance(TimeDelta::minutes(1));
        office.send().await;
        assert!(office.server.taken()[n].text().contains(&format!("evening {n}")));
    }
    // Made longer meanwhile, the hours are kept.
    office.clock.set(time("2026-06-03T19:59:50Z"));
    office.server.replies([Reply::Content("451 later")]);
    office.raise("longer").await;
    office.send().await;
    office.clock.advance(TimeDelta::minutes(5));
    office.send().await;
    office.set(None, json!({ "quietHoursEnd": "10:00" })).await;
    for when in ["2026-06-04T06:00:00Z", "2026-06-04T06:01:00Z", "2026-06-04T08:00:00Z"] {
        assert_eq!(office.server.taken().len(), 2, "{when}");
        office.clock.set(time(when));
        office.end_quiet_hours().await;
        office.send().await;
    }
    assert_eq!(office.server.taken().len(), 3);
}
