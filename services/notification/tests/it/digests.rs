//! Digests: what is in which, whatever the settings, the replicas and the clock do.

use chrono::TimeDelta;
use postrider_domain::{ConnectorId, IdGen, SystemIds};
use postrider_notification::actions::Owner;
use postrider_notification::digests::ask;
use postrider_notification::jobs::clean_up;
use postrider_notification::rules::preferences::Frequency;
use postrider_storage::Statement;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{World, settings};
use crate::mail_server::MailServer;
use crate::post_office::{PostOffice, time};
use crate::producer::{Account, connected};

/// Every notification's title with the end of the period of its digest, in order.
const IN_DIGESTS: &str = "SELECT n.title || ' ' || coalesce(to_char(d.period_end AT TIME ZONE 'UTC', 'MM-DD HH24:MI'), 'none') \
                          || CASE WHEN d.scope <> '' THEN ' own' ELSE '' END AS value \
                          FROM notification.notifications n LEFT JOIN notification.digests d ON d.id = n.digest_id \
                          ORDER BY n.created_nseq";

async fn daily(zone: &str) -> PostOffice {
    let office = PostOffice::new().await;
    let settings = json!({ "digestFrequency": "daily", "digestTime": "09:00", "digestTimezone": zone });
    office.set(None, settings).await;
    office
}

/// Three replicas look at once.
async fn close(office: &PostOffice) {
    tokio::join!(office.close_digests(), office.close_digests(), office.close_digests());
    let (one, other) = (office.postman(), office.postman());
    let (one, other) = tokio::join!(one.work(), other.work());
    one.unwrap();
    other.unwrap();
}

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
async fn what_a_digest_on_demand_takes_is_in_no_later_one() {
    let office = PostOffice::new().await;
    office.raise("before").await;
    office.clock.advance(TimeDelta::minutes(1));
    office.set(None, json!({ "digestFrequency": "daily", "digestTime": "09:00", "digestTimezone": "UTC" })).await;
    let Account { tenant, user, .. } = &office.account;
    let digest = async |frequency| {
        let tx = office.world.db.db.tenant(tenant).await.unwrap();
        office.actions.lock_user(&tx, tenant, user).await.unwrap();
        let made = ask(&tx, &office.actions, tenant, user, frequency).await.unwrap();
        tx.commit().await.unwrap();
        made.map(|digest| digest.notification_count)
    };
    office.clock.advance(TimeDelta::minutes(1));
    // Digests have only been wanted for a minute; what is asked for is the last day.
    assert_eq!(digest(Frequency::Daily).await, Some(1));
    assert_eq!(digest(Frequency::Daily).await, None);
    office.raise("a").await;
    office.raise("b").await;
    office.clock.advance(TimeDelta::minutes(1));
    assert_eq!(digest(Frequency::Weekly).await, Some(2));
    assert_eq!(digest(Frequency::Weekly).await, None);
    office.raise("c").await;
    office.clock.advance(TimeDelta::days(1));
    close(&office).await;
    assert_eq!(
        office.texts(IN_DIGESTS).await,
        ["before 06-01 12:02", "a 06-01 12:03", "b 06-01 12:03", "c 06-02 09:00"]
    );
    assert_eq!(office.server.taken().len(), 3);
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

#[tokio::test(flavor = "multi_thread")]
async fn archived_ones_are_in_no_digest_and_read_ones_are() {
    let office = daily("UTC").await;
    let ids = [office.raise("archived").await, office.raise("read").await];
    let Account { tenant, user, .. } = &office.account;
    let mut tx = office.world.db.db.tenant(tenant).await.unwrap();
    let owner = Owner { tenant, user, trace: None };
    for (id, mark) in
        ids.iter().zip([postrider_notification::rules::Mark::Archived, postrider_notification::rules::Mark::Read])
    {
        let id = postrider_domain::NotificationId(id.parse().unwrap());
        office.actions.mark(&mut tx, owner, &[id], mark).await.unwrap();
    }
    tx.commit().await.unwrap();
    office.clock.advance(TimeDelta::days(1));
    close(&office).await;
    assert_eq!(office.texts(IN_DIGESTS).await, ["archived none", "read 06-02 09:00"]);
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

#[tokio::test(flavor = "multi_thread")]
async fn unsubscribing_takes_one_click_and_writes_the_preferences() {
    let server = MailServer::start().await;
    let mut world = World::new().await;
    world.mail = Some(server.settings());
    let replica = world.replica(settings()).await;
    let account = Account::new("t1", "u1");
    world.send(&account, &connected(&account, 1)).await;
    postrider_testing::eventually("the account", crate::harness::SOON, || async {
        (world.count(&account.tenant, "accounts").await == 1).then_some(())
    })
    .await;
    let preferences = "/api/notifications/preferences";
    let body = json!({ "channels": ["in_app", "email"], "digestFrequency": "weekly" });
    replica.call(replica.request(&account, Method::PUT, preferences).json(&body), StatusCode::OK).await;
    let custom = json!({ "title": "hello", "message": "there" });
    replica
        .call(replica.request(&account, Method::POST, "/api/notifications").json(&custom), StatusCode::CREATED)
        .await;
    let config = json!({ "connector_id": account.id });
    let trigger = json!({ "name": "all", "type": "email", "config": config, "deliver": [{ "channel": "email" }] });
    let trigger = replica.request(&account, Method::POST, "/api/triggers").json(&trigger);
    let trigger = replica.call(trigger, StatusCode::CREATED).await;
    let mail = server.took(1).await.remove(0);
    let status =
        async || replica.get(&account, "/api/notifications").await["data"][0]["deliveryStatus"]["email"].clone();
    postrider_testing::eventually("the mail's end", crate::harness::SOON, || async {
        (status().await == "delivered").then_some(())
    })
    .await;
    let link = mail.header("List-Unsubscribe");
    let path = link.trim_matches(['<', '>']).strip_prefix("https://mail.example.com").unwrap().to_owned();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let open = async |method: Method, path: &str| {
        let answer = client.request(method, format!("{}{path}", replica.api)).body("List-Unsubscribe=One-Click");
        let answer = answer.send().await.unwrap();
        (answer.status(), answer.headers().clone(), answer.text().await.unwrap())
    };
    let values = async || replica.get(&account, preferences).await["data"].clone();
    let (status, headers, page) = open(Method::GET, &path).await;
    assert!(status == StatusCode::OK && page.contains("<form method=\"post\""), "{page}");
    assert_eq!(
        (&headers["referrer-policy"], &headers["cache-control"]),
        (&"no-referrer".parse().unwrap(), &"no-store".parse().unwrap())
    );
    assert_eq!(values().await["channels"], json!(["in_app", "email"]));
    for _twice in 0..2 {
        let (status, _, page) = open(Method::POST, &path).await;
        assert!(status == StatusCode::OK && page.contains("Unsubscribed"), "{page}");
        assert_eq!(
            (&values().await["channels"], &values().await["digestFrequency"]),
            (&json!(["in_app"]), &json!("weekly"))
        );
    }
    // Triggers that mail beside what the preferences say do so no more.
    let path_of_trigger = format!("/api/triggers/{}", trigger["id"].as_str().unwrap());
    assert_eq!(
        (&trigger["deliver"], &replica.get(&account, &path_of_trigger).await["deliver"]),
        (&json!([{ "channel": "email" }]), &json!([]))
    );
    // A token whose last letter is another one, one of nobody, and one for something else.
    let changed = format!("{}{}", path.get(..path.len() - 1).unwrap(), if path.ends_with('A') { 'E' } else { 'A' });
    for bad in [changed.as_str(), "/api/notifications/unsubscribe/x", "/api/notifications/unsubscribe/a.b"] {
        for method in [Method::GET, Method::POST] {
            let (status, _, text) = open(method, bad).await;
            assert!(status == StatusCode::NOT_FOUND && text.contains("link_invalid"), "{bad}: {text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_has_to_confirm_itself_before_mails_go_there() {
    let server = MailServer::start().await;
    let mut world = World::new().await;
    world.mail = Some(server.settings());
    let replica = world.replica(settings()).await;
    let account = Account::new("t1", "u1");
    world.send(&account, &connected(&account, 1)).await;
    let addresses = "/api/notifications/addresses";
    let ask = async |address: &str, status| {
        let request = replica.request(&account, Method::POST, addresses).json(&json!({ "address": address }));
        replica.call(request, status).await
    };
    let choose = async |status| {
        let body = json!({ "digestEmail": "boss@example.net" });
        let request = replica.request(&account, Method::PUT, "/api/notifications/preferences").json(&body);
        replica.call(request, status).await
    };
    choose(StatusCode::UNPROCESSABLE_ENTITY).await;
    assert_eq!(ask("boss@example.net", StatusCode::OK).await["data"]["confirmed"], false);
    // Asked twice, it gets one mail.
    let asked = "UPDATE notification.mail_addresses SET asked_at = asked_at - interval '23 hours'";
    Statement::dynamic(asked.to_owned()).execute(&world.db.admin().await).await.unwrap();
    ask("Boss@example.net", StatusCode::OK).await;
    assert_eq!(world.count(&account.tenant, "deliveries").await, 1);
    let mail = server.took(1).await.remove(0);
    assert_eq!((mail.to.as_str(), mail.header("List-Unsubscribe")), ("boss@example.net", String::new()));
    choose(StatusCode::UNPROCESSABLE_ENTITY).await;
    let path = mail.link("https://mail.example.com/api/notifications/addresses/");
    let path = path.strip_prefix("https://mail.example.com").unwrap();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let open = async |method| client.request(method, format!("{}{path}", replica.api)).send().await.unwrap().status();
    assert_eq!(open(Method::GET).await, StatusCode::OK);
    choose(StatusCode::UNPROCESSABLE_ENTITY).await;
    assert_eq!((open(Method::POST).await, open(Method::POST).await), (StatusCode::OK, StatusCode::OK));
    choose(StatusCode::OK).await;
    assert_eq!(ask("boss@example.net", StatusCode::OK).await["data"]["confirmed"], true);
    // It is that user's, and nobody else's.
    let other = Account::new("t1", "u2");
    let body = json!({ "digestEmail": "boss@example.net" });
    let request = replica.request(&other, Method::PUT, "/api/notifications/preferences").json(&body);
    replica.call(request, StatusCode::UNPROCESSABLE_ENTITY).await;
    for wrong in ["nobody", "", "a@b@c d"] {
        ask(wrong, StatusCode::UNPROCESSABLE_ENTITY).await;
    }
    for n in 0..4 {
        ask(&format!("x{n}@example.net"), StatusCode::OK).await;
    }
    assert_eq!(ask("x9@example.net", StatusCode::TOO_MANY_REQUESTS).await["code"], "rate_limited");
}

#[tokio::test(flavor = "multi_thread")]
async fn digests_are_listed_and_sent_by_request() {
    let server = MailServer::start().await;
    let mut world = World::new().await;
    let account = Account::new("t1", "u1");
    let send = "/api/notifications/digests/send";
    {
        let replica = world.replica(settings()).await;
        let request = replica.request(&account, Method::POST, send).json(&json!({ "frequency": "daily" }));
        assert_eq!(replica.call(request, StatusCode::SERVICE_UNAVAILABLE).await["code"], "mail_not_configured");
    }
    world.mail = Some(server.settings());
    let replica = world.replica(settings()).await;
    let ask = async |body: Value, status| {
        replica.call(replica.request(&account, Method::POST, send).json(&body), status).await
    };
    assert_eq!(ask(json!({ "frequency": "daily" }), StatusCode::UNPROCESSABLE_ENTITY).await["code"], "no_address");
    world.send(&account, &connected(&account, 1)).await;
    postrider_testing::eventually("the account", crate::harness::SOON, || async {
        (world.count(&account.tenant, "accounts").await == 1).then_some(())
    })
    .await;
    let nothing = ask(json!({ "frequency": "daily" }), StatusCode::OK).await;
    assert_eq!(nothing["data"], json!({ "sent": false, "digest": null, "notificationCount": 0 }));
    for bad in [
        json!({}),
        json!({ "frequency": "none" }),
        json!({ "frequency": "hourly" }),
        json!({ "frequency": "daily", "x": 1 }),
    ] {
        ask(bad, StatusCode::UNPROCESSABLE_ENTITY).await;
    }
    let custom = json!({ "title": "hello", "message": "there" });
    let made = replica.request(&account, Method::POST, "/api/notifications").json(&custom);
    let id = replica.call(made, StatusCode::CREATED).await["data"]["id"].clone();
    let sent = ask(json!({ "frequency": "monthly" }), StatusCode::OK).await["data"].clone();
    assert_eq!(
        (&sent["sent"], &sent["notificationCount"], &sent["digest"]["notificationIds"]),
        (&json!(true), &json!(1), &json!([id]))
    );
    assert!(server.took(1).await[0].text().contains("monthly digest: 1 notification"));
    let list = postrider_testing::eventually("the digest sent", crate::harness::SOON, || async {
        let list = replica.get(&account, "/api/notifications/digests").await;
        (list["data"][0]["emailSent"] == true).then_some(list)
    })
    .await;
    assert_eq!((&list["pagination"]["total"], &list["data"][0]["frequency"]), (&json!(1), &json!("monthly")));
    assert!(list["data"][0]["emailSentAt"].as_i64().unwrap() >= list["data"][0]["createdAt"].as_i64().unwrap());
    let explained = replica.get(&account, &format!("/api/notifications/{}/explain", id.as_str().unwrap())).await;
    let last = explained["data"]["decisions"].as_array().unwrap().last().unwrap().clone();
    assert_eq!((&last["channel"], &last["reason"]), (&json!("digest"), &json!("in_digest")));
    for other in [Account::new("t1", "u2"), Account::new("t2", "u1")] {
        assert_eq!(replica.get(&other, "/api/notifications/digests").await["data"], json!([]));
    }
    for bad in ["page=0", "limit=0", "limit=101", "page=x", "more=1"] {
        let request = replica.request(&account, Method::GET, &format!("/api/notifications/digests?{bad}"));
        replica.call(request, StatusCode::UNPROCESSABLE_ENTITY).await;
    }
}
