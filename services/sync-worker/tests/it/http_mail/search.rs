//! `q` and `subject`: words are found wherever they stand, as people type them, and never in another's mail.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use postrider_gmail_sim::Deliver;

use crate::http_world::{ANN, Account, Answer, BEN, World};

fn subjects(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 200, "{}", answer.text());
    let mails = answer.body["data"].as_array().unwrap();
    mails.iter().map(|mail| mail["subject"].as_str().unwrap().to_owned()).collect()
}

async fn found(world: &World, who: &Account, query: &[(&str, &str)]) -> BTreeSet<String> {
    let request = world.request(who, "read", reqwest::Method::GET, "/api/v1/emails").query(query);
    let all = subjects(&Answer::of(request).await);
    let set: BTreeSet<String> = all.iter().cloned().collect();
    assert_eq!(set.len(), all.len(), "{query:?}");
    set
}

fn set(subjects: &[&str]) -> BTreeSet<String> {
    subjects.iter().map(|subject| (*subject).to_owned()).collect()
}

fn mail(subject: &str, from: &str, to: &str, text: &str) -> Vec<u8> {
    format!(
        "From: {from}\r\nTo: {to}\r\nSubject: {subject}\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\
         Content-Transfer-Encoding: 8bit\r\n\r\n{text}\r\n"
    )
    .into_bytes()
}

const WITH_FILE: &[u8] = b"From: Shop <shop@example.org>\r\nTo: ann@example.com\r\nSubject: your order\r\nMIME-Version: 1.0\r\n\
    Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: text/html\r\n\r\n<p>Thank <b>you</b> kindly</p>\r\n\
    --x\r\nContent-Type: application/pdf; name=Rechnung-2026.pdf\r\nContent-Disposition: attachment\r\n\r\nx\r\n--x--\r\n";

struct Mailbox {
    world: World,
    ann: Account,
    ben: Account,
    bills: String,
}

async fn mailbox() -> Mailbox {
    let world = World::new(&[(ANN, 0), (BEN, 0)]).await;
    let gmail = world.sim.world();
    let bills = gmail.create_label(ANN, "My Bills").unwrap();
    let start = gmail.now() - TimeDelta::days(10);
    let mails: [(Vec<u8>, &[&str]); 8] = [
        (
            mail(
                "Cafe",
                "=?utf-8?q?Zo=C3=AB?= <zoe@example.org>",
                "ann@example.com",
                "Le café est fermé. The red gate",
            ),
            &["INBOX", "UNREAD"],
        ),
        (
            mail("Gate painted", "ben@example.org", "ann@example.com, carl@example.net", "red paint at the gate"),
            &["INBOX"],
        ),
        (mail("Notes", "ann@example.com", "zoe@example.org", "東京都に行きました。Rust入門 한국어를"), &["SENT"]),
        (WITH_FILE.to_vec(), &["INBOX", &bills]),
        (mail("Gate spam", "bad@example.org", "ann@example.com", "gate gate"), &["SPAM"]),
        (mail("Straße", "x@example.org", "ann@example.com", "Привет, Ёлка"), &[&bills]),
        (mail("Gone gate", "x@example.org", "ann@example.com", "gate"), &["INBOX"]),
        (mail("100% _sure_", "x@example.org", "ann@example.com", "o'clock"), &["INBOX", "STARRED"]),
    ];
    let mut ids = Vec::new();
    for (day, (raw, labels)) in (0_i64..).zip(mails) {
        let labels = Some(labels.iter().map(|&label| label.to_owned()).collect());
        let internal_date = Some(start + TimeDelta::days(day));
        ids.push(gmail.deliver(ANN, Deliver { raw: Some(raw), labels, internal_date, ..Deliver::default() }).unwrap());
    }
    let theirs = mail("Ben's gate", "zoe@example.org", "ben@example.com", "secretword gate");
    gmail.deliver(BEN, Deliver { raw: Some(theirs), ..Deliver::default() }).unwrap();
    let ann = world.connect("acme", "ann", ANN).await;
    let ben = world.connect("globex", "ben", BEN).await;
    gmail.delete(ANN, ids[6]).unwrap();
    world.sync(&ann).await;
    Mailbox { world, ann, ben, bills }
}

#[tokio::test(flavor = "multi_thread")]
async fn words_are_found_as_people_type_them() {
    let Mailbox { world, ann, bills, .. } = mailbox().await;
    for (q, wanted) in [
        ("gate", &["Cafe", "Gate painted"][..]),
        ("GATE red", &["Cafe", "Gate painted"]),
        ("\"red gate\"", &["Cafe"]),
        ("\"gate red\"", &[]),
        ("gate -paint", &["Cafe"]),
        ("gate -\"red gate\"", &["Gate painted"]),
        ("paint", &["Gate painted"]),
        ("pain", &["Gate painted"]),
        ("\"pain\"", &[]),
        ("café", &["Cafe"]),
        ("CAFE ferme", &["Cafe"]),
        ("zoë", &["Cafe", "Notes"]),
        ("from:zoe", &["Cafe"]),
        ("to:zoe", &["Notes"]),
        ("to:carl@example.net", &["Gate painted"]),
        ("from:example.org subject:gate", &["Gate painted"]),
        ("subject:red", &[]),
        ("strasse", &["Straße"]),
        ("ПРИВЕТ елка", &["Straße"]),
        ("東京", &["Notes"]),
        ("京都", &["Notes"]),
        ("都", &["Notes"]),
        ("京", &["Notes"]),
        ("東都", &[]),
        ("rust入門", &["Notes"]),
        ("한국어", &["Notes"]),
        ("rechnung", &["your order"]),
        ("thank you kindly", &["your order"]),
        ("\"thank you kindly\"", &["your order"]),
        ("has:attachment", &["your order"]),
        ("-has:attachment gate", &["Cafe", "Gate painted"]),
        ("is:unread", &["Cafe"]),
        ("is:read gate", &["Gate painted"]),
        ("is:unread is:read", &[]),
        ("is:starred", &["100% _sure_"]),
        ("label:my-bills", &["your order", "Straße"]),
        ("label:\"My Bills\" order", &["your order"]),
        ("-label:my-bills example", &["Cafe", "Gate painted", "Notes", "100% _sure_"]),
        ("label:spam gate", &["Gate spam"]),
        ("label:spam", &["Gate spam"]),
        ("label:nothing", &[]),
        ("-label:nothing gate", &["Cafe", "Gate painted"]),
        ("-gate -example", &[]),
        ("-gate", &["Notes", "your order", "Straße", "100% _sure_"]),
        ("-from:zoe -label:my-bills -gate", &["Notes", "100% _sure_"]),
        ("o'clock", &["100% _sure_"]),
        ("%", &[]),
        ("''' ) | !", &[]),
        ("secretword", &[]),
    ] {
        assert_eq!(found(&world, &ann, &[("q", q)]).await, set(wanted), "{q}");
    }
    let by_id = format!("label:{bills}");
    let all = ["Cafe", "Gate painted", "Notes", "your order", "Straße", "100% _sure_"];
    for (query, wanted) in [
        (vec![("q", by_id.as_str())], &["your order", "Straße"][..]),
        (vec![("q", "")], &all),
        (vec![("q", "gate"), ("include_spam_trash", "true")], &["Cafe", "Gate painted", "Gate spam"]),
        (vec![("q", "gate"), ("include_deleted", "true")], &["Cafe", "Gate painted", "Gone gate"]),
        (vec![("q", "gate"), ("label", "SPAM")], &["Gate spam"]),
        (vec![("q", "gate"), ("unread", "true")], &["Cafe"]),
        (vec![("q", "is:read"), ("unread", "true")], &[]),
        (vec![("q", "red"), ("from", "BEN@example.ORG")], &["Gate painted"]),
        (vec![("subject", "gate painted")], &["Gate painted"]),
        (vec![("subject", "painted gate")], &["Gate painted"]),
        (vec![("subject", "red")], &[]),
        (vec![("subject", "gate"), ("q", "-red")], &[]),
        (vec![("subject", "%")], &[]),
        (vec![("subject", "")], &[]),
    ] {
        assert_eq!(found(&world, &ann, &query).await, set(wanted), "{query:?}");
    }
    let day = |days| (world.sim.world().now() - TimeDelta::days(days)).format("%Y/%m/%d").to_string();
    let between = format!("after:{} before:{}", day(10), day(8));
    assert_eq!(found(&world, &ann, &[("q", &between)]).await, set(&["Cafe", "Gate painted"]));
    let word = format!("gate before:{}", day(9));
    assert_eq!(found(&world, &ann, &[("q", &word)]).await, set(&["Cafe"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_wrote_is_never_found() {
    let Mailbox { world, ann, ben, .. } = mailbox().await;
    assert_eq!(found(&world, &ben, &[("q", "secretword")]).await, set(&["Ben's gate"]));
    for q in ["secretword", "-nothing secretword", "from:zoe secretword", "\"secretword gate\""] {
        assert_eq!(found(&world, &ann, &[("q", q)]).await, set(&[]), "{q}");
    }
    // By its own name, from within another tenant, and from within none.
    let account = ben.id.0;
    for (tenant, hits) in [("globex", 1_i64), ("acme", 0), ("", 0)] {
        let seen = world.as_tenant(tenant, &format!(
            "SELECT count(*) AS value FROM mailbox.search_mails(ARRAY['{account}']::uuid[], ARRAY['{prefix}.gate'], \
               false, NULL, NULL, NULL, NULL, 10)",
            prefix = prefix(&world, account).await,
        ))
        .await;
        assert_eq!(seen, hits, "{tenant:?}");
    }
}

/// What words of an account begin with.
async fn prefix(world: &World, account: uuid::Uuid) -> String {
    let text = format!(
        "SELECT left((SELECT lexeme FROM unnest(document) LIMIT 1), 6) AS value FROM mailbox.email_search \
         WHERE connector_id = '{account}' LIMIT 1"
    );
    world.text(&text).await
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_a_search_are_complete_and_in_order() {
    let (world, ann) = World::with_account(0).await;
    let gmail = world.sim.world();
    let start = gmail.now() - TimeDelta::days(3);
    // Every seventh carries the label: more is looked up where a page was sifted thin.
    let mails = (0..700_i64).map(|n| Deliver {
        subject: Some(format!("common {n}")),
        internal_date: Some(start + TimeDelta::minutes(n / 3)),
        labels: Some(vec!["INBOX".to_owned(), if n % 7 == 0 { "STARRED" } else { "IMPORTANT" }.to_owned()]),
        ..Deliver::default()
    });
    gmail.deliver_all(ANN, mails.collect()).unwrap();
    world.sync(&ann).await;
    for (query, wanted) in [
        ("q=common", 700),
        ("q=common%20label:starred", 100),
        ("q=common%20is:starred&sort=received_at", 100),
        ("q=-zzzunheard", 700),
    ] {
        let (mut seen, mut cursor) = (Vec::new(), None::<String>);
        loop {
            let more = cursor.map_or_else(String::new, |cursor| format!("&cursor={cursor}"));
            let page = world.get(&ann, &format!("/api/v1/emails?{query}&limit=60{more}")).await;
            let mails = page.body["data"].as_array().unwrap().clone();
            seen.extend(mails.iter().map(|mail| {
                (mail["received_at"].as_str().unwrap().to_owned(), mail["id"].as_str().unwrap().to_owned())
            }));
            cursor = page.body["next_cursor"].as_str().map(str::to_owned);
            if cursor.is_none() {
                break;
            }
            assert_eq!(mails.len(), 60, "{query}");
        }
        let mut ordered = seen.clone();
        ordered.sort();
        if !query.contains("sort") {
            ordered.reverse();
        }
        assert!(seen == ordered, "{query}");
        assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), wanted, "{query}");
        assert_eq!(seen.len(), wanted, "{query}");
    }
}
