//! `GET /api/v1/threads/{thread_id}`, `GET /api/v1/labels`.

use chrono::TimeDelta;
use postrider_gmail_sim::Deliver;
use serde_json::{Value, json};

use crate::http_world::{ANN, Account, BEN, World, members};

#[tokio::test(flavor = "multi_thread")]
async fn a_thread_is_told_in_order_and_page_by_page() {
    let world = World::new(&[(ANN, 0), (BEN, 1)]).await;
    let gmail = world.sim.world();
    let start = gmail.now() - TimeDelta::hours(9);
    let mut thread = None;
    let mut ids = Vec::new();
    for (hour, labels) in (0_i64..).zip([&["INBOX"][..], &["SENT"], &["INBOX", "UNREAD"], &["TRASH"]]) {
        let mail = Deliver {
            subject: Some(format!("mail {hour}")),
            labels: Some(labels.iter().map(|label| (*label).to_owned()).collect()),
            thread,
            internal_date: Some(start + TimeDelta::hours(hour)),
            ..Deliver::default()
        };
        let id = gmail.deliver(ANN, mail).unwrap();
        thread = thread.or(Some(id));
        ids.push(id);
    }
    let ann = world.connect("acme", "ann", ANN).await;
    let ben = world.connect("acme", "ben", BEN).await;
    let thread = gmail.truth(ANN).unwrap()[&ids[0].to_string()].thread_id.clone();
    let path = format!("/api/v1/threads/{thread}");
    let subjects = |body: &Value| -> Vec<String> {
        body["data"].as_array().unwrap().iter().map(|mail| mail["subject"].as_str().unwrap().to_owned()).collect()
    };
    let whole = world.get(&ann, &path).await;
    assert_eq!(members(&whole.body), ["data", "next_cursor", "thread_id"]);
    assert_eq!(whole.body["thread_id"], thread.as_str());
    assert_eq!(subjects(&whole.body), ["mail 0", "mail 1", "mail 2", "mail 3"]);
    let first = world.get(&ann, &format!("{path}?limit=3")).await.body;
    let rest = format!("{path}?limit=3&cursor={}", first["next_cursor"].as_str().unwrap());
    let rest = world.get(&ann, &rest).await.body;
    assert_eq!((subjects(&first).len(), subjects(&rest)), (3, vec!["mail 3".to_owned()]));
    assert_eq!(rest["next_cursor"], Value::Null);

    gmail.delete(ANN, ids[1]).unwrap();
    world.sync(&ann).await;
    assert_eq!(subjects(&world.get(&ann, &path).await.body), ["mail 0", "mail 2", "mail 3"]);
    assert_eq!(subjects(&world.get(&ann, &format!("{path}?include_deleted=true")).await.body).len(), 4);

    for who in [&ben, &Account::stranger("globex", "ann")] {
        world.get(who, &path).await.is_problem(404, &path);
    }
    world.get(&ann, "/api/v1/threads/ffffffffffffffff").await.is_problem(404, "unknown");
    for query in ["limit=0", "limit=101", "cursor=x", "include_deleted=x", "more=1"] {
        world.get(&ann, &format!("{path}?{query}")).await.is_problem(422, query);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn labels_have_names_colours_and_counts_and_follow_gmail() {
    let world = World::new(&[(ANN, 0), (BEN, 1)]).await;
    let gmail = world.sim.world();
    let bills = gmail.create_label(ANN, "Bills").unwrap();
    let plans = gmail.create_label(ANN, "Plans").unwrap();
    for labels in [vec!["INBOX", "UNREAD", &bills], vec![&bills], vec!["TRASH", &plans]] {
        let labels = labels.into_iter().map(str::to_owned).collect();
        gmail.deliver(ANN, Deliver { labels: Some(labels), ..Deliver::default() }).unwrap();
    }
    let ann = world.connect("acme", "ann", ANN).await;
    let ben = world.connect("acme", "ben", BEN).await;
    let shown = async |who: &Account, id: &str| {
        let body = world.get(who, "/api/v1/labels").await.body;
        assert_eq!((members(&body), &body["next_cursor"]), (vec!["data", "next_cursor"], &Value::Null));
        body["data"].as_array().unwrap().iter().find(|label| label["id"] == id).cloned()
    };
    let color =
        |id: &str| if id.ends_with('1') { json!({"text": "#ffffff", "background": "#16a765"}) } else { Value::Null };
    let label = |id: &str, name: &str, counts: (i64, i64)| {
        json!({"connector_id": ann.id, "id": id, "name": name, "type": "user", "color": color(id),
            "emails": counts.0, "unread": counts.1})
    };
    assert_eq!(shown(&ann, &bills).await, Some(label(&bills, "Bills", (2, 1))));
    assert_eq!(shown(&ann, &plans).await, Some(label(&plans, "Plans", (1, 0))));
    let inbox = shown(&ann, "INBOX").await.unwrap();
    assert_eq!((&inbox["type"], &inbox["emails"], &inbox["color"]), (&json!("system"), &json!(1), &Value::Null));
    assert_eq!((shown(&ben, &bills).await, shown(&ben, "INBOX").await.is_some()), (None, true));
    let nobody = Account::stranger("globex", "ann");
    assert_eq!(world.get(&nobody, "/api/v1/labels").await.body["data"], json!([]));
    let of_ben = format!("/api/v1/labels?connector_id={}", ben.id);
    world.get(&ann, &of_ben).await.is_problem(404, &of_ben);
    world.get(&ann, "/api/v1/labels?more=1").await.is_problem(422, "unknown parameter");

    // No history record tells of a rename or of a label that is gone: within a poll interval they are seen.
    gmail.rename_label(ANN, &bills, "Invoices").unwrap();
    gmail.delete_label(ANN, &plans).unwrap();
    world.execute("UPDATE mailbox.mailboxes SET labels_synced_at = labels_synced_at - interval '5 minutes'").await;
    world.sync(&ann).await;
    assert_eq!(shown(&ann, &bills).await, Some(label(&bills, "Invoices", (2, 1))));
    assert_eq!(shown(&ann, &plans).await, None);
}
