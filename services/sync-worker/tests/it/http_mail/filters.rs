//! Every filter of the list shows what fits, and only that.

use std::collections::BTreeSet;

use chrono::{SecondsFormat, TimeDelta};
use postrider_contracts::connector::Settings;
use postrider_domain::Timestamp;
use postrider_gmail_sim::Deliver;
use reqwest::Method;

use crate::http_world::{ANN, Account, Answer, BEN, World};

/// Mails of the answer by subject.
fn subjects(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 200, "{}", answer.text());
    let mails = answer.body["data"].as_array().unwrap();
    mails.iter().map(|mail| mail["subject"].as_str().unwrap().to_owned()).collect()
}

async fn shown(world: &World, who: &Account, query: &str) -> BTreeSet<String> {
    let all = subjects(&world.get(who, &format!("/api/v1/emails?{query}")).await);
    let set: BTreeSet<String> = all.iter().cloned().collect();
    assert_eq!(set.len(), all.len(), "{query}");
    set
}

fn set(subjects: &[&str]) -> BTreeSet<String> {
    subjects.iter().map(|subject| (*subject).to_owned()).collect()
}

fn text(time: Timestamp) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

struct Mailbox {
    world: World,
    ann: Account,
    bills: String,
    start: Timestamp,
}

/// Mails that differ in everything a filter looks at: `old` is the oldest, then an hour each.
async fn mailbox() -> Mailbox {
    let world = World::new(&[(ANN, 0), (BEN, 0)]).await;
    let gmail = world.sim.world();
    let bills = gmail.create_label(ANN, "Bills").unwrap();
    let start = gmail.now() - TimeDelta::hours(24);
    let mails: [(&str, &str, &[&str]); 6] = [
        ("old", "Zoe <ZOE@example.org>", &["INBOX", "UNREAD"]),
        ("read bill", "shop@example.org", &["INBOX", &bills]),
        ("archived BILL", "shop@example.org", &[&bills, "UNREAD"]),
        ("spam", "bad@example.org", &["SPAM", "UNREAD"]),
        ("trash", "zoe@example.org", &["TRASH"]),
        ("gone", "zoe@example.org", &["INBOX"]),
    ];
    let mut ids = Vec::new();
    for (hour, (subject, from, labels)) in (0_i64..).zip(mails) {
        let mail = Deliver {
            subject: Some(subject.to_owned()),
            from: Some(from.to_owned()),
            labels: Some(labels.iter().map(|&label| label.to_owned()).collect()),
            internal_date: Some(start + TimeDelta::hours(hour)),
            ..Deliver::default()
        };
        ids.push(gmail.deliver(ANN, mail).unwrap());
    }
    let draft = Deliver { subject: Some("draft".to_owned()), ..Deliver::default() };
    gmail.save_draft(ANN, None, draft).unwrap();
    let theirs = Deliver { subject: Some("ben's".to_owned()), ..Deliver::default() };
    gmail.deliver(BEN, theirs).unwrap();
    let ann = world.connect("acme", "ann", ANN).await;
    gmail.delete(ANN, ids[5]).unwrap();
    world.sync(&ann).await;
    Mailbox { world, ann, bills, start }
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_show_what_fits_and_nothing_else() {
    let Mailbox { world, ann, bills, start } = mailbox().await;
    let of = |subject: &str| {
        let path = format!("/api/v1/emails?include_spam_trash=true&include_deleted=true&subject={subject}");
        let (world, ann) = (&world, &ann);
        async move { world.get(ann, &path).await.body["data"][0].clone() }
    };
    let old = of("old").await;
    let word = |mail: &serde_json::Value, name: &str| mail[name].as_str().unwrap().to_owned();
    world.execute(&format!("UPDATE mailbox.emails SET processed = true WHERE email_id = '{}'", word(&old, "id"))).await;
    let at = |hours| text(start + TimeDelta::hours(hours));
    let ordinary = ["old", "read bill", "archived BILL"];
    let table: Vec<(String, Vec<&str>)> = vec![
        (String::new(), ordinary.to_vec()),
        (format!("connector_id={}", ann.id), ordinary.to_vec()),
        ("label=INBOX".to_owned(), vec!["old", "read bill"]),
        (format!("label={bills}"), vec!["read bill", "archived BILL"]),
        ("label=SPAM".to_owned(), vec!["spam"]),
        ("label=TRASH".to_owned(), vec!["trash"]),
        ("label=DRAFT".to_owned(), vec!["draft"]),
        ("label=INBOX&include_deleted=true".to_owned(), vec!["old", "read bill", "gone"]),
        ("label=nothing".to_owned(), vec![]),
        (format!("thread_id={}", word(&old, "thread_id")), vec!["old"]),
        (format!("message_id={}", word(&old, "message_id")), vec!["old"]),
        ("thread_id=abc".to_owned(), vec![]),
        ("unread=true".to_owned(), vec!["old", "archived BILL"]),
        ("unread=false".to_owned(), vec!["read bill"]),
        ("processed=true".to_owned(), vec!["old"]),
        ("processed=false".to_owned(), vec!["read bill", "archived BILL"]),
        ("include_deleted=false".to_owned(), ordinary.to_vec()),
        ("include_deleted=true".to_owned(), vec!["old", "read bill", "archived BILL", "gone"]),
        ("include_spam_trash=false".to_owned(), ordinary.to_vec()),
        // Drafts are neither: they come by their label only.
        ("include_spam_trash=true".to_owned(), vec!["old", "read bill", "archived BILL", "spam", "trash"]),
        ("from=zoe@EXAMPLE.org".to_owned(), vec!["old"]),
        ("from=zoe@example.org&include_spam_trash=true".to_owned(), vec!["old", "trash"]),
        ("from=zoe".to_owned(), vec![]),
        ("subject=bill".to_owned(), vec!["read bill", "archived BILL"]),
        ("subject=%25".to_owned(), vec![]),
        ("subject=_".to_owned(), vec![]),
        (format!("received_after={}", at(1)), vec!["read bill", "archived BILL"]),
        (format!("received_before={}", at(1)), vec!["old"]),
        (format!("received_after={}&received_before={}", at(1), at(2)), vec!["read bill"]),
        (format!("label={bills}&unread=true&from=shop@example.org&subject=BILL"), vec!["archived BILL"]),
    ];
    for (query, wanted) in table {
        assert_eq!(shown(&world, &ann, &query).await, set(&wanted), "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn order_and_limit() {
    let Mailbox { world, ann, .. } = mailbox().await;
    let list = |query: &'static str| {
        let (world, ann) = (&world, &ann);
        async move { subjects(&world.get(ann, &format!("/api/v1/emails?{query}")).await) }
    };
    let newest_first = ["archived BILL", "read bill", "old"];
    assert_eq!(list("").await, newest_first);
    assert_eq!(list("sort=-received_at").await, newest_first);
    assert_eq!(list("sort=received_at").await, ["old", "read bill", "archived BILL"]);
    assert_eq!(list("limit=2").await, ["archived BILL", "read bill"]);
    assert_eq!(list("limit=100&label=INBOX&sort=received_at").await, ["old", "read bill"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_named_by_parameter_or_header_and_its_setting_shows_spam_and_trash() {
    let Mailbox { world, ann, .. } = mailbox().await;
    // A second account of the same user.
    let second = world.connect("acme", "ann", BEN).await;
    let header = |id: String, query: &str| {
        let path = format!("/api/v1/emails?{query}");
        Answer::of(world.request(&ann, "read", Method::GET, &path).header("X-Account-ID", id))
    };
    let ordinary = ["old", "read bill", "archived BILL"];
    assert_eq!(shown(&world, &ann, "").await, set(&[&ordinary[..], &["ben's"]].concat()));
    assert_eq!(shown(&world, &ann, &format!("connector_id={}", second.id)).await, set(&["ben's"]));
    assert_eq!(subjects(&header(second.id.to_string(), "").await), ["ben's"]);
    assert_eq!(subjects(&header(second.id.to_string(), &format!("connector_id={}", second.id)).await), ["ben's"]);
    let two = header(second.id.to_string(), &format!("connector_id={}", ann.id)).await;
    two.is_problem(422, "two accounts");
    assert_eq!(two.body["errors"][0]["field"], "connector_id");
    let mail = world.get(&ann, "/api/v1/emails?subject=old").await.body["data"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/emails/{mail}");
    let other = world.request(&ann, "read", Method::GET, &path).header("X-Account-ID", second.id.to_string());
    Answer::of(other).await.is_problem(404, "a mail of the other account");

    world.tell(&ann, "active", Settings { include_spam_trash: true, ..Settings::default() }).await;
    let all = [&ordinary[..], &["ben's", "spam", "trash"]].concat();
    assert_eq!(shown(&world, &ann, "").await, set(&all));
    assert_eq!(shown(&world, &ann, "include_spam_trash=false").await, set(&[&ordinary[..], &["ben's"]].concat()));
}
