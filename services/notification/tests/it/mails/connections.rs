//! Connections to the mail server.

use chrono::TimeDelta;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{BY_MAIL, office};
use crate::harness::{SOON, World, settings};
use crate::mail_server::{MailServer, Offer, Reply};
use crate::producer::{Account, connected};

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
