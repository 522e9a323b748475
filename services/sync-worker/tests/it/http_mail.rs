//! `GET /api/v1/emails`, `/emails/{id}`, `/emails/{id}/raw`: what Gmail has, told as the API promises, to its owner only.

mod attachments;
mod consumers;
mod filters;
mod pages;
mod search;
mod threads;

use postrider_contracts::Event as _;
use postrider_contracts::mailbox::EmailReceived;
use postrider_gmail_sim::{Deliver, MsgId};
use serde_json::{Value, json};

use crate::http_world::{ANN, Account, BEN, World, members};

const MAIL: [&str; 21] = [
    "connector_id",
    "created_at",
    "deleted_at",
    "folder",
    "has_attachments",
    "history_id",
    "id",
    "is_deleted",
    "label_ids",
    "message_id",
    "processed",
    "received_at",
    "recipients",
    "rfc_message_id",
    "sender",
    "size_bytes",
    "snippet",
    "subject",
    "thread_id",
    "unread",
    "updated_at",
];

const SOURCE: &[u8] = b"Message-ID: <one@example.org>\r\n\
From: \"Doe, John\" <john@example.org>\r\n\
To: Ann <ann@example.com>, other@example.com\r\n\
Cc: =?utf-8?q?J=C3=BCrgen?= <cc@example.com>\r\n\
Reply-To: answers@example.org\r\n\
Subject: =?utf-8?q?Caf=C3=A9?= & more\r\n\
Date: Mon, 2 Mar 2026 10:00:00 +0000\r\n\
MIME-Version: 1.0\r\n\
Content-Type: multipart/mixed; boundary=x\r\n\r\n\
--x\r\nContent-Type: multipart/alternative; boundary=y\r\n\r\n\
--y\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nTom & Jerry's <cheese>\r\n\
--y\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>Tom</p><script>alert(1)</script>\r\n--y--\r\n\
--x\r\nContent-Type: application/pdf; name=\"../a b.pdf\"\r\nContent-Disposition: attachment; filename=\"../a b.pdf\"\r\n\
Content-ID: <part1@example.org>\r\nContent-Transfer-Encoding: base64\r\n\r\nJVBERg==\r\n--x--\r\n";

/// The bytes that the simulator gives for a mail.
fn source_of(world: &World, address: &str, id: MsgId) -> Vec<u8> {
    world.sim.world().get_message(address, id).unwrap().letter.render().raw.to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_is_told_member_by_member_in_lists_and_alone() {
    let (world, ann) = World::with_account(0).await;
    let gmail = world.sim.world();
    // A label that nobody here has heard the name of.
    let bills = gmail.create_label(ANN, "Bills").unwrap();
    let labels = vec!["STARRED".to_owned(), bills.clone()];
    let id = gmail.deliver(ANN, Deliver { raw: Some(SOURCE.to_vec()), labels: Some(labels), ..Deliver::default() });
    let id = id.unwrap();
    world.sync(&ann).await;

    let list = world.get(&ann, "/api/v1/emails").await;
    assert_eq!((list.status, members(&list.body)), (200, vec!["as_of_seq", "data", "next_cursor"]));
    assert_eq!(list.body["next_cursor"], Value::Null);
    let head =
        world.number(&format!("SELECT head AS value FROM mailbox.streams WHERE stream = 'mailbox/{}'", ann.id)).await;
    assert_eq!(list.body["as_of_seq"], json!({ ann.id.to_string(): head.unwrap() }));
    let mail = &list.body["data"][0];
    assert_eq!(members(mail), MAIL);
    let truth = &gmail.truth(ANN).unwrap()[&id.to_string()];
    let stored = world.get(&ann, &format!("/api/v1/emails/{}", mail["id"].as_str().unwrap())).await;
    assert_eq!(
        *mail,
        json!({
            "id": mail["id"],
            "connector_id": ann.id,
            "message_id": id.to_string(),
            "thread_id": truth.thread_id,
            "history_id": truth.history_id.to_string(),
            "rfc_message_id": "one@example.org",
            "subject": "Café & more",
            "sender": {"name": "Doe, John", "email": "john@example.org"},
            "recipients": {
                "to": [{"name": "Ann", "email": "ann@example.com"}, {"name": "", "email": "other@example.com"}],
                "cc": [{"name": "Jürgen", "email": "cc@example.com"}],
                "bcc": [],
                "reply_to": [{"name": "", "email": "answers@example.org"}],
            },
            "snippet": "Tom & Jerry's <cheese>",
            "label_ids": truth.labels,
            "folder": "Bills",
            "unread": false,
            "has_attachments": true,
            "size_bytes": SOURCE.len(),
            "received_at": mail["received_at"],
            "is_deleted": false,
            "deleted_at": null,
            "processed": false,
            "created_at": mail["created_at"],
            "updated_at": mail["updated_at"],
        })
    );
    for name in ["received_at", "created_at", "updated_at"] {
        let text = mail[name].as_str().unwrap();
        let time: postrider_domain::Timestamp = text.parse().unwrap_or_else(|_| panic!("{name} is {text}"));
        assert!(name != "received_at" || time.timestamp_millis() == truth.internal_date, "{text}");
    }
    the_detail(mail, &stored.body);
    // The event that told of it named the folder too.
    let stream = postrider_contracts::streams::mailbox(ann.id);
    let events = postrider_events::streams::read_events(&world.db.db, &stream, 0, 1_000).await.unwrap();
    let received = events.iter().find(|event| event.event_type == EmailReceived::TYPE).unwrap();
    let email = received.decode::<EmailReceived>().unwrap().email.unwrap();
    assert_eq!((email.folder.as_str(), email.labels.iter().any(|label| label.name == "Bills")), ("Bills", true));

    // Renamed, and the labels read again as they are when they are a poll interval old: the folder has its name of now.
    gmail.rename_label(ANN, &bills, "Invoices").unwrap();
    world.execute("UPDATE mailbox.mailboxes SET labels_synced_at = labels_synced_at - interval '5 minutes'").await;
    world.sync(&ann).await;
    assert_eq!(world.get(&ann, "/api/v1/emails").await.body["data"][0]["folder"], "Invoices");
    let path = format!("/api/v1/emails/{}", mail["id"].as_str().unwrap());
    assert_eq!(world.get(&ann, &path).await.body["folder"], "Invoices");
}

/// The detail of the mail above: what lists show, and its content.
fn the_detail(mail: &Value, detail: &Value) {
    let mut wanted =
        [&MAIL[..], &["attachments", "headers", "html", "invitation", "protection", "references", "text"]].concat();
    wanted.sort_unstable();
    assert_eq!(members(detail), wanted);
    assert!(MAIL.iter().all(|name| detail[name] == mail[name]), "{detail}");
    let headers = detail["headers"].as_array().unwrap();
    let names: Vec<_> = headers.iter().map(|header| header[0].as_str().unwrap()).collect();
    assert_eq!(
        names,
        ["Message-ID", "From", "To", "Cc", "Reply-To", "Subject", "Date", "MIME-Version", "Content-Type"]
    );
    assert!(headers.contains(&json!(["Subject", "Café & more"])), "{headers:?}");
    assert!(headers.iter().all(|header| header[1] != ""), "{headers:?}");
    assert_eq!(detail["text"].as_str().unwrap().trim(), "Tom & Jerry's <cheese>");
    let html = detail["html"].as_str().unwrap();
    assert!(html.contains("<p>Tom</p>") && !html.contains("script") && !html.contains("alert"), "{html}");
    let attachment = &detail["attachments"][0];
    assert_eq!(
        *attachment,
        json!({
            "id": attachment["id"],
            "filename": "a b.pdf",
            "content_type": "application/pdf",
            "size_bytes": 4,
            "content_id": "part1@example.org",
            "inline": false,
            "state": "listed",
        })
    );
    assert!(attachment["id"].as_str().unwrap().parse::<uuid::Uuid>().is_ok());
    assert_eq!(detail["references"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn references_are_shown_and_a_deleted_mail_stays_readable() {
    let (world, ann) = World::with_account(1).await;
    let id = gmail_id(&world);
    let email = world.email_id(&ann, id).await;
    world
        .execute(&format!(
            "INSERT INTO mailbox.email_references (tenant, email_id, kind, ref) VALUES ('acme', '{email}', 'task', '17')"
        ))
        .await;
    world.sim.world().delete(ANN, id).unwrap();
    let run = world.sync(&ann).await;
    assert_eq!(run["deleted_emails"], 1);
    let detail = world.get(&ann, &format!("/api/v1/emails/{email}")).await.body;
    assert_eq!((detail["is_deleted"].as_bool(), detail["deleted_at"].is_string()), (Some(true), true));
    let reference = &detail["references"][0];
    assert_eq!(*reference, json!({"kind": "task", "ref": "17", "created_at": reference["created_at"]}));
    assert_eq!(world.get(&ann, "/api/v1/emails").await.body["data"], json!([]));
    assert_eq!(world.get(&ann, &format!("/api/v1/emails/{email}/raw")).await.status, 200);
}

/// The only mail of the mailbox.
fn gmail_id(world: &World) -> MsgId {
    world.sim.world().truth(ANN).unwrap().keys().next().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn raw_is_what_gmail_gave_byte_by_byte() {
    let (world, ann) = World::with_account(0).await;
    let deliver =
        |raw: &[u8]| world.sim.world().deliver(ANN, Deliver { raw: Some(raw.to_vec()), ..Deliver::default() }).unwrap();
    let noise: Vec<u8> = (0..200_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let mut ids = vec![
        // Stored as it is, compressed, too random to compress, no mail at all.
        deliver(b"Subject: tiny\r\n\r\nx"),
        deliver(SOURCE),
        deliver(&[b"Subject: long\r\n\r\n".to_vec(), b"word ".repeat(100_000)].concat()),
        deliver(&[b"Subject: noise\r\n\r\n".to_vec(), noise].concat()),
        deliver(b"\0\0\xff\xfe no mail"),
    ];
    ids.extend((0..5).map(|_| world.sim.world().deliver(ANN, Deliver::default()).unwrap()));
    world.sync(&ann).await;
    for id in ids {
        let path = format!("/api/v1/emails/{}/raw", world.email_id(&ann, id).await);
        let answer = world.get(&ann, &path).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let truth = source_of(&world, ANN, id);
        assert!(answer.bytes == truth, "{id}: {} bytes instead of {}", answer.bytes.len(), truth.len());
        assert_eq!(answer.header("content-type"), "message/rfc822");
        assert_eq!(answer.header("content-disposition"), format!("attachment; filename=\"{id}.eml\""));
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("content-length"), truth.len().to_string());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_belongs_to_others_is_not_there() {
    let world = World::new(&[(ANN, 2), (BEN, 2)]).await;
    let ann = world.connect("acme", "ann", ANN).await;
    let ben = world.connect("acme", "ben", BEN).await;
    // The same Google account, connected by another tenant: a mirror of its own.
    let twin = world.connect("globex", "ann", ANN).await;
    let list = world.get(&ben, "/api/v1/emails").await.body;
    let theirs: Vec<&str> = list["data"].as_array().unwrap().iter().map(|mail| mail["id"].as_str().unwrap()).collect();
    assert!(!theirs.is_empty());
    for id in &theirs {
        for who in [&ann, &twin, &Account::stranger("acme", "nobody"), &Account::stranger("globex", "ben")] {
            for path in [format!("/api/v1/emails/{id}"), format!("/api/v1/emails/{id}/raw")] {
                world.get(who, &path).await.is_problem(404, &path);
            }
        }
    }
    for who in [&ann, &twin] {
        let of_ben = format!("/api/v1/emails?connector_id={}", ben.id);
        world.get(who, &of_ben).await.is_problem(404, &of_ben);
        let list = world.get(who, "/api/v1/emails").await.body;
        let mails = list["data"].as_array().unwrap();
        assert!(mails.len() == 2 && mails.iter().all(|mail| mail["connector_id"] == who.id.to_string()), "{list}");
        assert_eq!(members(&list["as_of_seq"]), [who.id.to_string().as_str()]);
    }
    let nobody = world.get(&Account::stranger("acme", "nobody"), "/api/v1/emails").await;
    assert_eq!(nobody.body, json!({"data": [], "next_cursor": null, "as_of_seq": {}}));
}
