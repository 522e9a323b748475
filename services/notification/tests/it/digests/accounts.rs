//! Accounts with digests and content of their own.

use chrono::TimeDelta;
use postrider_domain::{ConnectorId, IdGen, SystemIds};
use serde_json::json;

use super::{IN_DIGESTS, close, daily};
use crate::post_office::{PostOffice, time};
use crate::producer::Account;

#[tokio::test(flavor = "multi_thread")]
async fn an_account_with_digests_of_its_own_is_in_no_other() {
    let office = daily("UTC").await;
    let own = office.account.id;
    let other = ConnectorId(SystemIds.uuid());
    office.connect(&Account { id: other, ..office.account.clone() }, "other@example.org").await;
    office.raise_for(&office.account, Some(own), "pending").await;
    // What was for its user's digest moves with it.
    office.set(Some(own), json!({ "digestTime": "18:00" })).await;
    office.raise_for(&office.account, Some(own), "own").await;
    office.raise_for(&office.account, Some(other), "other").await;
    office.raise("user").await;
    office.clock.set(time("2026-06-02T09:00:00Z"));
    close(&office).await;
    office.clock.set(time("2026-06-02T18:00:00Z"));
    close(&office).await;
    assert_eq!(
        office.texts(IN_DIGESTS).await,
        ["pending 06-01 18:00 own", "own 06-01 18:00 own", "other 06-02 09:00", "user 06-02 09:00"]
    );
    let mut to: Vec<_> = office.server.taken().into_iter().map(|mail| mail.to).collect();
    to.sort();
    assert_eq!(to, ["me@example.org", "me@example.org"]);
    // An account without digests is in none.
    office.set(Some(other), json!({ "digestFrequency": "none" })).await;
    office.raise_for(&office.account, Some(other), "nobody").await;
    office.clock.advance(TimeDelta::days(1));
    close(&office).await;
    assert_eq!(office.texts(IN_DIGESTS).await[4], "nobody none");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_accounts_own_digests_switched_off_and_on_again_go_on() {
    let office = PostOffice::at("2026-06-01T12:00:00Z").await;
    let own = office.account.id;
    office.set(None, json!({ "digestFrequency": "weekly", "digestTime": "09:00", "digestTimezone": "UTC" })).await;
    for day in 2..5 {
        office.set(Some(own), json!({ "digestFrequency": "daily" })).await;
        office.raise_for(&office.account, Some(own), &format!("{day}")).await;
        office.clock.advance(TimeDelta::days(1));
        close(&office).await;
        assert_eq!(office.texts(IN_DIGESTS).await.last().unwrap(), &format!("{day} 06-0{day} 09:00 own"));
        office.set(Some(own), json!({ "digestFrequency": "none" })).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_keeps_its_content_to_itself_does_so_in_its_users_digest() {
    let office = daily("UTC").await;
    let own = office.account.id;
    office.set(Some(own), json!({ "includeContent": false })).await;
    office.raise_for(&office.account, Some(own), "hidden").await;
    office.raise("shown").await;
    office.clock.advance(TimeDelta::days(1));
    close(&office).await;
    let text = office.server.taken()[0].text();
    assert!(text.contains("2 notifications") && text.contains("about shown") && !text.contains("hidden"), "{text}");
}
