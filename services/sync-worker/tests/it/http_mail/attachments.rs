//! `GET /api/v1/emails/{id}/attachments/{attachment_id}`, and what the detail tells of a mail's content.

use std::time::Duration;

use postrider_contracts::Event as _;
use postrider_contracts::connector::Settings;
use postrider_contracts::mailbox::AttachmentStored;
use postrider_gmail_sim::Deliver;
use reqwest::Method;
use serde_json::{Value, json};

use crate::http_world::{ANN, Account, Answer, BEN, World};

/// A picture that the html shows, a file with an odd name, an empty one, text in another charset, and an invitation.
fn source() -> Vec<u8> {
    let head = "From: Zoe <zoe@example.org>\r\nTo: ann@example.com\r\nSubject: parts\r\nMIME-Version: 1.0\r\n\
        Content-Type: multipart/mixed; boundary=x\r\n\r\n\
        --x\r\nContent-Type: multipart/related; boundary=y\r\n\r\n\
        --y\r\nContent-Type: text/html; charset=utf-8\r\n\r\n\
        <p>hello</p><img src=\"cid:logo@x\"><img src=\"https://tracker.example/p.png\"><script>no()</script>\r\n\
        --y\r\nContent-Type: image/png; name=logo.png\r\nContent-ID: <logo@x>\r\nContent-Disposition: inline\r\n\
        Content-Transfer-Encoding: base64\r\n\r\niVBORw0KGgo=\r\n--y--\r\n\
        --x\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment;\r\n \
        filename*=utf-8''%2e%2e%2fR%C3%A9sum%C3%A9%22.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\nMDEyMzQ1Njc4OQ==\r\n\
        --x\r\nContent-Type: application/x-nothing; name=empty.bin\r\nContent-Disposition: attachment\r\n\r\n\r\n\
        --x\r\nContent-Type: text/plain; charset=iso-8859-1; name=latin.txt\r\nContent-Disposition: attachment\r\n\
        Content-Transfer-Encoding: 8bit\r\n\r\n";
    let tail = "\r\n--x\r\nContent-Type: text/calendar; method=REQUEST; name=i.ics\r\n\r\nBEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n\
        SUMMARY:Paint the gate\r\nDTSTART;TZID=Europe/Berlin:20261120T100000\r\nDTEND:20261120T100000Z\r\n\
        ORGANIZER;CN=Zoe:mailto:zoe@example.org\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n--x--\r\n";
    [head.as_bytes(), b"caf\xe9", tail.as_bytes()].concat()
}

struct Mail {
    world: World,
    ann: Account,
    path: String,
    detail: Value,
}

async fn mail() -> Mail {
    let (world, ann) = World::with_account(0).await;
    let deliver = Deliver { raw: Some(source()), ..Deliver::default() };
    let id = world.sim.world().deliver(ANN, deliver).unwrap();
    world.sync(&ann).await;
    let path = format!("/api/v1/emails/{}", world.email_id(&ann, id).await);
    let detail = world.get(&ann, &path).await.body;
    Mail { world, ann, path, detail }
}

impl Mail {
    fn part(&self, content_type: &str) -> String {
        let parts = self.detail["attachments"].as_array().unwrap();
        let part = parts.iter().find(|part| part["content_type"] == content_type);
        let id = part.unwrap_or_else(|| panic!("no {content_type}: {}", self.detail))["id"].as_str().unwrap();
        format!("{}/attachments/{id}", self.path)
    }

    async fn with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = self.world.request(&self.ann, "read", Method::GET, path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Answer::of(request).await
    }

    async fn told(&self) -> Vec<AttachmentStored> {
        let stream = postrider_contracts::streams::mailbox(self.ann.id);
        let events = postrider_events::streams::read_events(&self.world.db.db, &stream, 0, 1_000).await.unwrap();
        let stored = events.iter().filter(|event| event.event_type == AttachmentStored::TYPE);
        stored.map(|event| event.decode().unwrap()).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_part_is_had_byte_by_byte_and_shown_as_nothing_that_acts() {
    let mail = mail().await;
    for (content_type, bytes, disposition) in [
        ("image/png", &b"\x89PNG\r\n\x1a\n"[..], "attachment; filename=\"logo.png\""),
        (
            "application/pdf",
            b"0123456789",
            "attachment; filename=\"R_sum__.pdf\"; filename*=UTF-8''R%C3%A9sum%C3%A9_.pdf",
        ),
        ("application/x-nothing", b"", "attachment; filename=\"empty.bin\""),
        ("text/plain", b"caf\xe9", "attachment; filename=\"latin.txt\""),
    ] {
        let answer = mail.with(&mail.part(content_type), &[]).await;
        assert_eq!((answer.status, answer.bytes.as_slice()), (200, bytes), "{content_type}: {}", answer.text());
        assert_eq!(answer.header("content-type"), content_type);
        assert_eq!(answer.header("content-disposition"), disposition);
        assert_eq!(answer.header("content-length"), bytes.len().to_string());
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("content-security-policy"), "sandbox; default-src 'none'");
        assert_eq!(answer.header("accept-ranges"), "bytes");
        let size = bytes.len();
        let listed =
            mail.detail["attachments"].as_array().unwrap().iter().find(|part| part["content_type"] == content_type);
        assert_eq!(listed.unwrap()["size_bytes"], size, "{content_type}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_range_is_a_part_and_a_tag_spares_the_bytes() {
    let mail = mail().await;
    let pdf = mail.part("application/pdf");
    for (range, bytes, told) in
        [("bytes=2-4", "234", "bytes 2-4/10"), ("bytes=7-", "789", "bytes 7-9/10"), ("bytes=-2", "89", "bytes 8-9/10")]
    {
        let answer = mail.with(&pdf, &[("Range", range)]).await;
        assert_eq!(
            (answer.status, answer.text().as_str(), answer.header("content-range")),
            (206, bytes, told),
            "{range}"
        );
        assert_eq!(answer.header("content-length"), bytes.len().to_string());
    }
    let beyond = mail.with(&pdf, &[("Range", "bytes=10-")]).await;
    assert_eq!((beyond.status, beyond.header("content-range")), (416, "bytes */10"));
    for odd in ["bytes=0-1,3-4", "items=1-2", "bytes=x", "bytes=4-2"] {
        let answer = mail.with(&pdf, &[("Range", odd)]).await;
        assert_eq!((answer.status, answer.text().as_str()), (200, "0123456789"), "{odd}");
    }
    let etag = mail.with(&pdf, &[]).await.header("etag").to_owned();
    assert!(etag.starts_with('"') && etag.ends_with('"'), "{etag}");
    for tags in [etag.clone(), format!("W/{etag}"), format!("\"other\", {etag}"), "*".to_owned()] {
        let answer = mail.with(&pdf, &[("If-None-Match", &tags)]).await;
        assert_eq!((answer.status, answer.bytes.len(), answer.header("etag")), (304, 0, etag.as_str()), "{tags}");
    }
    assert_eq!(mail.with(&pdf, &[("If-None-Match", "\"other\"")]).await.status, 200);
    assert_eq!(mail.with(&pdf, &[("Range", "bytes=0-0"), ("If-Range", &etag)]).await.status, 206);
    assert_eq!(mail.with(&pdf, &[("Range", "bytes=0-0"), ("If-Range", "\"other\"")]).await.status, 200);
    // The source of a mail is had in parts too.
    let raw = mail.with(&format!("{}/raw", mail.path), &[("Range", "bytes=0-4")]).await;
    assert_eq!((raw.status, raw.text().as_str()), (206, "From:"));
    let tag = raw.header("etag").to_owned();
    assert_eq!(mail.with(&format!("{}/raw", mail.path), &[("If-None-Match", &tag)]).await.status, 304);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_whole_download_is_told_and_no_other() {
    let mail = mail().await;
    let pdf = mail.part("application/pdf");
    mail.with(&pdf, &[("Range", "bytes=0-3")]).await;
    mail.with(&pdf, &[("Range", "bytes=0-")]).await;
    assert_eq!(mail.told().await, []);
    for _ in 0..2 {
        assert_eq!(mail.with(&pdf, &[]).await.status, 200);
        postrider_testing::eventually("the download is told", Duration::from_secs(10), || async {
            (!mail.told().await.is_empty()).then_some(())
        })
        .await;
    }
    // An empty one has no piece to be the last.
    mail.with(&mail.part("application/x-nothing"), &[]).await;
    postrider_testing::eventually("the second download is told", Duration::from_secs(10), || async {
        (mail.told().await.len() > 1).then_some(())
    })
    .await;
    let told = mail.told().await;
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!((told[0].filename.as_str(), told[0].size_bytes, told[0].asked_for), ("Résumé_.pdf", 10, true));
    assert!(pdf.ends_with(&told[0].attachment_id) && mail.path.ends_with(&told[0].email_id), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn html_points_at_its_pictures_and_at_nothing_elsewhere_unless_asked() {
    let mail = mail().await;
    let html = mail.detail["html"].as_str().unwrap();
    let logo = mail.part("image/png");
    assert!(html.contains(&format!("src=\"{logo}\"")), "{html}");
    assert!(!html.contains("tracker") && !html.contains("cid:") && !html.contains("script"), "{html}");
    let asked = mail.with(&format!("{}?remote=allow", mail.path), &[]).await.body;
    let html = asked["html"].as_str().unwrap();
    assert!(html.contains(&format!("src=\"{logo}\"")) && html.contains("https://tracker.example/p.png"), "{html}");
    assert!(!html.contains("script"), "{html}");
    for bad in ["remote=deny", "remote=", "remote=allow&remote=allow", "more=1"] {
        mail.with(&format!("{}?{bad}", mail.path), &[]).await.is_problem(422, bad);
    }
    // Without its source the mail is shown as it was stored.
    mail.world.execute("DELETE FROM mailbox.email_sources").await;
    let asked = mail.with(&format!("{}?remote=allow", mail.path), &[]).await.body;
    assert!(asked["html"].as_str().unwrap().contains(&logo), "{asked}");
    mail.with(&mail.part("text/plain"), &[]).await.is_problem(404, "no source");
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_from_elsewhere_are_shown_without_reading_what_hangs_on_the_mail() {
    let (world, ann) = World::with_account(0).await;
    let mut raw = b"Subject: film\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: video/mp4; name=a.mp4\r\n\
        Content-Disposition: attachment\r\n\r\n"
        .to_vec();
    raw.resize(raw.len() + (4 << 20), b'f');
    raw.extend_from_slice(
        b"\r\n--x\r\nContent-Type: text/html\r\n\r\n<img src=\"https://tracker.example/p.png\">\r\n--x--\r\n",
    );
    let id = world.sim.world().deliver(ANN, Deliver { raw: Some(raw), ..Deliver::default() }).unwrap();
    world.sync(&ann).await;
    let path = format!("/api/v1/emails/{}", world.email_id(&ann, id).await);
    let detail = world.get(&ann, &path).await.body;
    assert!(!detail["html"].as_str().unwrap().contains("tracker"), "{detail}");
    // What is in the middle of the film is not there, and not missed.
    world.execute("DELETE FROM mailbox.source_chunks WHERE number IN (1, 2)").await;
    let asked = world.get(&ann, &format!("{path}?remote=allow")).await.body;
    assert!(asked["html"].as_str().unwrap().contains("https://tracker.example/p.png"), "{asked}");
}

#[tokio::test(flavor = "multi_thread")]
async fn invitations_and_protection_are_told() {
    let mail = mail().await;
    let calendar = mail.part("text/calendar");
    let invitation = &mail.detail["invitation"];
    assert!(calendar.ends_with(invitation["attachment_id"].as_str().unwrap()));
    assert_eq!(
        *invitation,
        json!({
            "attachment_id": invitation["attachment_id"],
            "method": "REQUEST",
            "summary": "Paint the gate",
            "location": null,
            "start": {"local_time": "2026-11-20T10:00:00", "time_zone": "Europe/Berlin"},
            "end": {"date_time": "2026-11-20T10:00:00Z"},
            "organizer": {"name": "Zoe", "email": "zoe@example.org"},
        })
    );
    assert_eq!(mail.detail["protection"], Value::Null);
    let signed = b"Subject: signed\r\nContent-Type: multipart/signed; protocol=\"application/pgp-signature\"; boundary=b\r\n\r\n\
        --b\r\n\r\nhi\r\n--b\r\nContent-Type: application/pgp-signature\r\n\r\nx\r\n--b--\r\n";
    let id = mail.world.sim.world().deliver(ANN, Deliver { raw: Some(signed.to_vec()), ..Deliver::default() }).unwrap();
    mail.world.sync(&mail.ann).await;
    let path = format!("/api/v1/emails/{}", mail.world.email_id(&mail.ann, id).await);
    let detail = mail.world.get(&mail.ann, &path).await.body;
    assert_eq!((&detail["protection"], &detail["invitation"]), (&json!("pgp_signed"), &Value::Null));
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_of_others_and_of_other_mails_are_not_there() {
    let world = World::new(&[(ANN, 0), (BEN, 0)]).await;
    let gmail = world.sim.world();
    for address in [ANN, BEN] {
        for _ in 0..2 {
            gmail.deliver(address, Deliver { raw: Some(source()), ..Deliver::default() }).unwrap();
        }
    }
    let ann = world.connect("acme", "ann", ANN).await;
    let ben = world.connect("acme", "ben", BEN).await;
    let twin = world.connect("globex", "ann", ANN).await;
    let list = world.get(&ben, "/api/v1/emails").await.body;
    let [one, other] = [0, 1].map(|n| format!("/api/v1/emails/{}", list["data"][n]["id"].as_str().unwrap()));
    let detail = world.get(&ben, &one).await.body;
    let part = detail["attachments"][0]["id"].as_str().unwrap();
    assert_eq!(world.get(&ben, &format!("{one}/attachments/{part}")).await.status, 200);
    for who in [&ann, &twin, &Account::stranger("globex", "ben"), &Account::stranger("acme", "nobody")] {
        world.get(who, &format!("{one}/attachments/{part}")).await.is_problem(404, "another's part");
    }
    world.get(&ben, &format!("{other}/attachments/{part}")).await.is_problem(404, "another mail's part");
    for bad in ["7", "..%2f..%2fetc", "%00", "00000000-0000-7000-8000-000000000000"] {
        world.get(&ben, &format!("{one}/attachments/{bad}")).await.is_problem(404, bad);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_needs_no_source_and_who_keeps_nothing_serves_nothing() {
    let mail = mail().await;
    let settings = |attachments: &str| Settings {
        attachments: attachments.to_owned(),
        attachment_max_bytes: 1_000,
        ..Settings::default()
    };
    mail.world.tell(&mail.ann, "active", settings("eager")).await;
    postrider_testing::eventually("all are kept", Duration::from_secs(30), || async {
        let kept = "SELECT count(*) AS value FROM mailbox.attachments WHERE state <> 'stored'";
        mail.world.number(kept).await.filter(|left| *left == 0)
    })
    .await;
    mail.world.execute("DELETE FROM mailbox.email_sources").await;
    for (content_type, bytes) in [("application/pdf", &b"0123456789"[..]), ("text/plain", b"caf\xe9")] {
        let path = mail.part(content_type);
        assert_eq!(mail.with(&path, &[]).await.bytes, bytes);
        let part = mail.with(&path, &[("Range", "bytes=1-2")]).await;
        assert_eq!((part.status, part.bytes.as_slice()), (206, &bytes[1..3]));
    }
    mail.world.tell(&mail.ann, "active", settings("none")).await;
    mail.with(&mail.part("application/pdf"), &[]).await.is_problem(404, "none are kept");
}
