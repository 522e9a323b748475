//! Mails about single notifications: one each, to addresses that may be written to, and no more than once without a word.

use chrono::TimeDelta;
use postrider_contracts::{OwnMail, Purpose};
use postrider_domain::{NotificationId, SystemIds};
use postrider_notification::actions::Owner;
use postrider_notification::reconnect::NoLink;
use postrider_notification::rules::trouble;
use postrider_notification::rules::{Mark, OwnDigest, Recipient, Verdict, mail};
use postrider_notification::store::preferences;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{SOON, World, settings};
use crate::mail_server::{MailServer, Offer, Reply};
use crate::post_office::{PostOffice, origin_key};
use crate::producer::{Account, connected};

const BY_MAIL: &str = r#"{"channels":["in_app","email"]}"#;

async fn office() -> PostOffice {
    let office = PostOffice::new().await;
    office.set(None, serde_json::from_str(BY_MAIL).unwrap()).await;
    office
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notification_is_one_mail_that_says_what_it_is() {
    let office = office().await;
    office.raise("Grüße <b>").await;
    office.send().await;
    office.send().await;
    let [mail] = office.server.taken().try_into().unwrap();
    assert_eq!((mail.from.as_str(), mail.to.as_str()), ("mail@postrider.example", "me@example.org"));
    let id = &office.texts("SELECT id::text AS value FROM notification.deliveries").await[0];
    assert_eq!(mail.message_id(), format!("<{id}@postrider.example>"));
    assert_eq!(mail.header("Auto-Submitted"), "auto-generated");
    assert_eq!(mail.header("List-Unsubscribe-Post"), "List-Unsubscribe=One-Click");
    let link = mail.header("List-Unsubscribe");
    assert!(link.starts_with("<https://mail.example.com/api/notifications/unsubscribe/"), "{link}");
    let Account { tenant, user, .. } = &office.account;
    let own = OwnMail { purpose: Purpose::Digest, tenant, user, message_id: &mail.message_id() };
    assert!(own.is_signed(&mail.header("X-Postrider-Origin"), &[origin_key()]));
    assert!(mail.text().contains("Grüße <b>") && mail.source.contains("&#60;b&#62;"), "{}", mail.source);
    assert_eq!(office.mails().await, ["delivered"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_content_the_mail_tells_nothing_but_the_kind() {
    let office = office().await;
    office.set(None, json!({ "includeContent": false })).await;
    office.raise("Secretplan").await;
    office.send().await;
    let [mail] = office.server.taken().try_into().unwrap();
    assert!(!mail.source.contains("Secretplan") && mail.text().contains("A notification"), "{}", mail.source);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_read_switched_off_or_silenced_meanwhile_is_not_mailed() {
    let office = office().await;
    let id = office.raise("read").await;
    let Account { tenant, user, .. } = &office.account;
    let mut tx = office.world.db.db.tenant(tenant).await.unwrap();
    let id = NotificationId(id.parse().unwrap());
    office.actions.mark(&mut tx, Owner { tenant, user, trace: None }, &[id], Mark::Read).await.unwrap();
    tx.commit().await.unwrap();
    office.send().await;
    office.raise("off").await;
    office.set(None, json!({ "channels": ["in_app"] })).await;
    office.send().await;
    assert_eq!(office.server.taken().len(), 0);
    let [read, off] = office.mails().await.try_into().unwrap();
    assert!(read.starts_with("skipped") && off == "skipped channel_off", "{read}, {off}");
}

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
async fn a_server_that_fails_is_tried_again_under_the_same_id_and_one_that_refuses_is_not() {
    let office = office().await;
    office.server.replies([Reply::Content("451 4.7.1 later"), Reply::Break]);
    office.raise("again").await;
    office.send().await;
    assert_eq!(office.mails().await, ["pending status"]);
    office.clock.advance(TimeDelta::seconds(5));
    office.send().await;
    // The content was cut off: the server may have taken what it had.
    assert_eq!(office.mails().await, ["pending doubtful doubtful"]);
    office.clock.advance(TimeDelta::seconds(30));
    office.send().await;
    assert_eq!(office.mails().await, ["delivered doubtful"]);
    office.server.replies([Reply::Recipient("550 5.1.1 no such user")]);
    office.raise("refused").await;
    office.send().await;
    office.clock.advance(TimeDelta::days(1));
    office.send().await;
    assert_eq!(office.mails().await[1], "failed refused");
    assert_eq!(office.server.taken().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_without_an_answer_is_sent_once_more_and_then_named_doubtful() {
    let office = office().await;
    office.server.replies([Reply::TakeAndClose, Reply::TakeAndHang]);
    office.raise("doubt").await;
    office.send().await;
    office.clock.advance(TimeDelta::seconds(5));
    office.send().await;
    office.clock.advance(TimeDelta::days(2));
    office.send().await;
    assert_eq!(office.mails().await, ["failed doubtful doubtful"]);
    let [one, two] = office.server.taken().try_into().unwrap();
    assert_eq!(one.message_id(), two.message_id());
    assert_eq!((office.tried("doubtful"), office.tried("kept_doubtful")), (2, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_dies_before_the_answer_leaves_a_doubtful_mail_and_one_that_is_slow_leaves_none() {
    let office = office().await;
    office.server.replies([Reply::TakeAndHang]);
    office.raise("killed").await;
    let postman = office.postman();
    #[expect(clippy::disallowed_methods, reason = "killed below")]
    let killed = tokio::spawn(async move { postman.work().await });
    let first = office.server.took(1).await[0].message_id();
    killed.abort();
    let _aborted = killed.await;
    // Its claim holds for a minute: nobody sends it a second time while it may still be at it.
    office.send().await;
    assert_eq!((office.server.taken().len(), office.mails().await), (1, vec!["pending".to_owned()]));
    office.forget_claims().await;
    office.send().await;
    let taken = office.server.taken();
    assert_eq!((taken.len(), taken[1].message_id()), (2, first));
    assert_eq!(office.mails().await, ["delivered doubtful"]);
    assert_eq!(office.tried("kept_doubtful"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_grant_is_mailed_at_once_with_a_link_that_is_kept_nowhere() {
    let office = office().await;
    office.set(None, json!({ "quietHoursEnabled": true, "quietHoursStart": "00:00", "quietHoursEnd": "23:59" })).await;
    reauth(&office, 2).await;
    office.server.replies([Reply::Content("451 later")]);
    office.send().await;
    office.clock.advance(TimeDelta::seconds(5));
    office.send().await;
    let [mail] = office.server.taken().try_into().unwrap();
    // Each attempt has a link of its own.
    assert!(mail.text().contains("https://mail.example.com/connect/secret-2"), "{}", mail.text());
    assert_eq!(office.links.made.lock().unwrap().as_slice(), [office.account.id, office.account.id]);
    assert_eq!((mail.header("List-Unsubscribe"), mail.header("List-Unsubscribe-Post")), (String::new(), String::new()));
    for table in ["notifications", "deliveries", "user_log", "outbox"] {
        let rows = office.texts(&format!("SELECT t::text AS value FROM notification.{table} t")).await;
        assert!(rows.iter().all(|row| !row.contains("connect/secret")), "{table}");
    }
    // It works again before the mail is sent: no mail. The connector is away: later.
    *office.links.refuses.lock().unwrap() = Some(NoLink::Away);
    reauth(&office, 3).await;
    office.send().await;
    assert_eq!(office.mails().await[1], "pending");
    *office.links.refuses.lock().unwrap() = Some(NoLink::NotNeeded);
    office.clock.advance(TimeDelta::minutes(1));
    office.send().await;
    assert_eq!(office.mails().await[1], "skipped works_again");
    // Its owner has enough links: the mail goes without.
    *office.links.refuses.lock().unwrap() = Some(NoLink::Enough);
    reauth(&office, 4).await;
    office.send().await;
    assert!(!office.server.taken()[1].text().contains("/connect/"));
    // So it does when the connector has been away for an hour.
    *office.links.refuses.lock().unwrap() = Some(NoLink::Away);
    reauth(&office, 5).await;
    office.send().await;
    office.clock.advance(TimeDelta::minutes(59));
    office.send().await;
    assert_eq!(office.mails().await[3], "pending");
    office.clock.advance(TimeDelta::minutes(1));
    office.send().await;
    assert_eq!(office.mails().await[3], "delivered");
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
async fn a_mail_that_hangs_holds_up_none_that_comes_later() {
    let server = MailServer::start().await;
    let mut world = World::new().await;
    world.mail = Some(server.settings_with(&[("SMTP_CONNECTIONS", "2")]));
    let replica = world.replica(settings()).await;
    let account = Account::new("t1", "u1");
    world.send(&account, &connected(&account, 1)).await;
    postrider_testing::eventually("the account", SOON, || async {
        (world.count(&account.tenant, "accounts").await == 1).then_some(())
    })
    .await;
    let body: Value = serde_json::from_str(BY_MAIL).unwrap();
    let request = replica.request(&account, Method::PUT, "/api/notifications/preferences").json(&body);
    replica.call(request, StatusCode::OK).await;
    server.replies([Reply::TakeAndHang]);
    for n in 1..=3 {
        let custom = json!({ "title": format!("number {n}"), "message": "m" });
        let request = replica.request(&account, Method::POST, "/api/notifications").json(&custom);
        replica.call(request, StatusCode::CREATED).await;
        // The first one hangs for longer than this waits.
        server.took(n).await;
    }
}

async fn reauth(office: &PostOffice, version: i64) {
    let Account { tenant, user, id } = &office.account;
    let mut tx = office.world.db.db.tenant(tenant).await.unwrap();
    let account = postrider_notification::store::accounts::find(&tx, tenant, *id).await.unwrap().unwrap();
    let values = preferences::effective(&tx, tenant, user, Some(*id)).await.unwrap().preferences;
    let now = office.actions.now();
    let to = Recipient { account, preferences: values, at: now, now };
    let state = crate::producer::state(&office.account, version, "reauth_required");
    let verdict = trouble::reauth_required(&state, &to);
    let Verdict::Raise(draft) = verdict else { panic!("{verdict:?}") };
    office.actions.raise(&mut tx, Owner { tenant, user, trace: None }, Some(*id), *draft).await.unwrap().unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn mails_of_ours_that_come_back_raise_no_further_mail() {
    let office = office().await;
    office.set(None, json!({ "digestFrequency": "daily" })).await;
    office.raise("one").await;
    office.send().await;
    let sent = office.server.taken().remove(0);
    let mut back = crate::producer::mail("back").email.unwrap();
    (back.rfc_message_id, back.origin) = (sent.message_id(), sent.header("X-Postrider-Origin"));
    // In the mailbox of its own user, and in that of another one whose digest or alert it never was.
    let other = Account::new("t1", "u2");
    office.connect(&other, "me@example.org").await;
    office
        .set_of(
            &other.tenant,
            &other.user,
            None,
            json!({ "channels": ["in_app", "email"], "digestFrequency": "daily" }),
        )
        .await;
    for (who, told) in [(&office.account, false), (&other, true)] {
        let Account { tenant, user, id } = who;
        let mut tx = office.world.db.db.tenant(tenant).await.unwrap();
        let account = postrider_notification::store::accounts::find(&tx, tenant, *id).await.unwrap().unwrap();
        let values = preferences::effective(&tx, tenant, user, Some(*id)).await.unwrap().preferences;
        let now = office.actions.now();
        let to = Recipient { account, preferences: values, at: now, now };
        let own = OwnDigest::of(&back, tenant, user, &[origin_key()]);
        match mail::received(&back, own, &to) {
            Verdict::Raise(draft) if told => {
                let owner = Owner { tenant, user, trace: None };
                office.actions.raise(&mut tx, owner, Some(*id), *draft).await.unwrap().unwrap();
            }
            Verdict::Suppress { decision, .. } if !told => assert_eq!(decision.reason, "own_digest"),
            other => panic!("{other:?}"),
        }
        tx.commit().await.unwrap();
    }
    office.send().await;
    office.clock.advance(TimeDelta::days(1));
    office.close_digests().await;
    office.send().await;
    // The alert, and the digest of its own user; nothing for the other.
    assert_eq!(office.server.taken().len(), 2);
    let empty = "SELECT notification_count::text AS value FROM notification.digests ORDER BY user_id";
    assert_eq!(office.texts(empty).await, ["1", "0"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_address_is_written_to_that_its_user_may_not_have_mails_sent_to() {
    let office = office().await;
    // Set before the rule was there, or the account has gone since.
    office.set(None, json!({ "digestEmail": "stranger@example.org" })).await;
    office.raise("one").await;
    office.send().await;
    assert_eq!(office.mails().await, ["skipped no_address"]);
    let second = Account {
        id: postrider_domain::ConnectorId(postrider_domain::IdGen::uuid(&SystemIds)),
        ..office.account.clone()
    };
    office.connect(&second, "Stranger@Example.org").await;
    office.raise("two").await;
    office.send().await;
    assert_eq!(office.server.taken()[0].to, "stranger@example.org");
    // Without a choice it is the account's own address, and the first account's for what is about none.
    office.set(None, json!({ "digestEmail": Value::Null })).await;
    office.raise_for(&office.account, Some(second.id), "three").await;
    office.raise("four").await;
    office.send().await;
    let mut to: Vec<_> = office.server.taken().into_iter().skip(1).map(|mail| mail.to).collect();
    to.sort();
    assert_eq!(to, ["Stranger@Example.org", "me@example.org"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_is_used_as_the_setting_says_and_passwords_go_over_nothing_else() {
    let office = office().await;
    let plain = &office.server;
    let start = MailServer::offering(Offer { starttls: true, login: true, ..Offer::default() }).await;
    let implicit = MailServer::offering(Offer { implicit: true, login: true, ..Offer::default() }).await;
    let folder = std::env::temp_dir().join(format!("postrider-mail-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let ca = |server: &MailServer| {
        let path = folder.join(format!("{}.pem", server.port));
        std::fs::write(&path, &server.certificate).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let url = |scheme: &str, server: &MailServer| format!("{scheme}://me:pass@localhost:{}", server.port);
    for (n, (server, scheme, tls, authority, result)) in [
        (&start, "smtp", "required", true, "delivered"),
        (&start, "smtp", "opportunistic", true, "delivered"),
        (&implicit, "smtps", "required", true, "delivered"),
        (&start, "smtp", "required", false, "pending tls"),
        (&start, "smtp", "opportunistic", false, "pending tls"),
        (&implicit, "smtps", "required", false, "pending tls"),
        (plain, "smtp", "required", false, "pending tls"),
        (plain, "smtp", "opportunistic", false, "pending tls"),
    ]
    .into_iter()
    .enumerate()
    {
        let (url, ca) = (url(scheme, server), if authority { ca(server) } else { String::new() });
        let settings = server.settings_with(&[("SMTP_URL", &url), ("SMTP_TLS", tls), ("SMTP_CA_FILE", &ca)]);
        office.raise(&n.to_string()).await;
        office.postman_by(settings).work().await.unwrap();
        assert_eq!(office.mails().await.last().unwrap(), result, "{scheme} {tls} {authority}");
        office.clock.advance(TimeDelta::microseconds(1));
    }
    for mail in start.taken().iter().chain(&implicit.taken()) {
        assert!(mail.encrypted && mail.login.as_deref() == Some("me"));
    }
    assert_eq!((start.taken().len(), implicit.taken().len(), plain.taken().len()), (2, 1, 0));
    let wrong = format!("smtp://me:wrong@localhost:{}", start.port);
    let settings =
        start.settings_with(&[("SMTP_URL", &wrong), ("SMTP_TLS", "required"), ("SMTP_CA_FILE", &ca(&start))]);
    office.raise("wrong").await;
    office.postman_by(settings).work().await.unwrap();
    assert_eq!(office.mails().await.last().unwrap(), "pending login_refused");
    std::fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_serve_again_and_one_that_died_meanwhile_costs_no_mail() {
    let office = office().await;
    let settings = office.server.settings_with(&[("SMTP_CONNECTIONS", "1")]);
    let postman = office.postman_by(settings);
    for n in 0..20 {
        office.raise(&n.to_string()).await;
    }
    postman.work().await.unwrap();
    assert_eq!((office.server.taken().len(), office.server.connections()), (20, 1));
    assert!(office.mails().await.iter().all(|mail| mail == "delivered"));
}
