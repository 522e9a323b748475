//! Mails as they come: plain, rich, foreign, broken and hostile.

use proptest::prelude::*;

use super::*;

mod kinds;

fn mail(text: &str) -> ParsedMail {
    parse(text.replace('\n', "\r\n").as_bytes())
}

const RICH: &str = "From: =?UTF-8?Q?J=C3=B6rg?= <joerg@example.com>\n\
To: \"Doe, Jane\" <jane@example.com>, team: a@x.example, B <b@x.example>;\n\
Cc: c@example.com\nBcc: d@example.com\nReply-To: Answers <answers@example.com>\n\
Subject: =?UTF-8?B?R3LDvMOfZQ==?= from\n  afar\n\
Message-ID: <m1@example.com>\nIn-Reply-To: <m0@example.com>\nReferences: <r1@x> <r2@x>\n\
Date: Fri, 20 Nov 2026 10:00:00 +0100\nX-Postrider-Origin: digest/42\nReceived: a\nReceived: b\n\
MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=mix\n\n\
--mix\nContent-Type: multipart/related; boundary=rel\n\n\
--rel\nContent-Type: multipart/alternative; boundary=alt\n\n\
--alt\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\nHall=C3=B6!\n\
--alt\nContent-Type: text/html; charset=utf-8\n\n<p onclick=x>Hall\u{f6}! <img src=\"cid:logo\"></p><script>1</script>\n--alt--\n\
--rel\nContent-Type: image/png\nContent-ID: <logo>\nContent-Transfer-Encoding: base64\n\naGVsbG8=\n--rel--\n\
--mix\nContent-Type: application/pdf\nContent-Disposition: attachment; filename*=UTF-8''..%2F%C3%9Cbersicht.pdf\n\
Content-Transfer-Encoding: base64\n\nUERGIQ==\n\
--mix\nContent-Type: message/rfc822\n\nSubject: inner\nFrom: i@example.com\n\ninner body\n\
--mix\nContent-Type: text/calendar; method=REQUEST\nContent-Disposition: attachment\n\nBEGIN:VCALENDAR\n\
--mix--\n";

#[test]
fn a_rich_mail_is_read_whole() {
    let mail = mail(RICH);
    assert_eq!(mail.subject.as_deref(), Some("Grüße from afar"));
    let from = mail.from.clone().unwrap();
    assert_eq!((from.name.as_deref(), from.address.as_str()), (Some("Jörg"), "joerg@example.com"));
    let to: Vec<&str> = mail.to.iter().map(|to| to.address.as_str()).collect();
    assert_eq!(to, ["jane@example.com", "a@x.example", "b@x.example"]);
    assert_eq!((mail.cc.len(), mail.bcc.len(), mail.reply_to.len()), (1, 1, 1));
    assert_eq!(mail.rfc_message_id.as_deref(), Some("m1@example.com"));
    assert_eq!(mail.in_reply_to.as_deref(), Some("m0@example.com"));
    assert_eq!(mail.references, ["r1@x", "r2@x"]);
    assert_eq!(mail.date.unwrap().to_rfc3339(), "2026-11-20T09:00:00+00:00");
    assert_eq!(mail.origin.as_deref(), Some("digest/42"));
    assert_eq!(mail.headers.iter().filter(|header| header.name == "Received").count(), 2);
    assert_eq!(mail.text.as_deref().map(str::trim), Some("Hallö!"));
    let html = mail.html.clone().unwrap();
    assert!(html.contains("Hallö!") && html.contains("cid:logo"));
    assert!(!html.contains("script") && !html.contains("onclick"));
    assert_eq!(mail.notes, []);
}

#[test]
fn attachments_are_described_and_found_again() {
    let raw = RICH.replace('\n', "\r\n");
    let mail = parse(raw.as_bytes());
    let rows: Vec<_> = mail
        .attachments
        .iter()
        .map(|a| (a.part_id.as_str(), a.filename.as_str(), a.content_type.as_str(), a.size, a.inline))
        .collect();
    assert_eq!(
        rows,
        [
            ("0.1", "attachment", "image/png", 5, true),
            ("1", "Übersicht.pdf", "application/pdf", 4, false),
            ("2", "message.eml", "message/rfc822", rows[2].3, false),
            ("3", "invite.ics", "text/calendar", 15, false),
        ]
    );
    assert_eq!(mail.attachments[0].content_id.as_deref(), Some("logo"));
    assert!(mail.has_attachments());
    assert_eq!(attachment_bytes(raw.as_bytes(), "1").unwrap(), b"PDF!");
    assert_eq!(attachment_bytes(raw.as_bytes(), "0.1").unwrap(), b"hello");
    let inner = attachment_bytes(raw.as_bytes(), "2").unwrap();
    assert!(inner.starts_with(b"Subject: inner") && inner.ends_with(b"inner body"));
    for absent in ["", "9", "0", "1.0", "../1"] {
        assert_eq!(attachment_bytes(raw.as_bytes(), absent), None, "{absent}");
    }
}

#[test]
fn a_single_part_that_is_a_file_is_an_attachment() {
    let raw = "Subject: scan\nContent-Type: application/pdf; name=\"scan.pdf\"\nContent-Transfer-Encoding: base64\n\nUERGIQ==\n";
    let mail = mail(raw);
    assert_eq!(mail.attachments.len(), 1);
    assert_eq!((mail.attachments[0].part_id.as_str(), mail.attachments[0].size), ("0", 4));
    assert_eq!(attachment_bytes(raw.as_bytes(), "0").unwrap(), b"PDF!");
    assert_eq!(mail.text, None);
}

#[test]
fn charsets_of_the_world() {
    let rows: [(&str, &[u8], &str); 7] = [
        ("iso-2022-jp", b"\x1b$B$3$s$K$A$O\x1b(B", "こんにちは"),
        ("gb18030", b"\xc4\xe3\xba\xc3", "你好"),
        ("windows-1252", b"\x80 \x93x\x94", "€ “x”"),
        ("koi8-r", b"\xf0\xd2\xc9\xd7\xc5\xd4", "Привет"),
        ("utf-7", b"Hi +AOk-", "Hi é"),
        ("x-nobody-knows", "grün".as_bytes(), "grün"),
        ("utf-8", b"bad \xff byte", "bad \u{FFFD} byte"),
    ];
    for (charset, bytes, expected) in rows {
        let head = format!("Subject: x\r\nContent-Type: text/plain; charset=\"{charset}\"\r\n\r\n");
        let mail = parse(&[head.as_bytes(), bytes].concat());
        assert_eq!(mail.text.as_deref(), Some(expected), "{charset}");
    }
    let subject = mail("Subject: =?ISO-2022-JP?B?GyRCJDMkcyRLJEEkTxsoQg==?=\n\nx");
    assert_eq!(subject.subject.as_deref(), Some("こんにちは"));
    // A character split between two encoded words, as some mailers cut them (RFC 2047 forbids it).
    let split = mail("Subject: =?UTF-8?B?4pyTIOI=?=\n =?UTF-8?B?nJM=?=\n\nx");
    assert_eq!(split.subject.as_deref(), Some("✓ ✓"));
    let raw_eight_bit = parse(b"Subject: gr\xc3\xbcn\r\n\r\nx");
    assert_eq!(raw_eight_bit.subject.as_deref(), Some("grün"));
}

#[test]
fn html_alone_gives_text_too() {
    let mail = mail("Subject: x\nContent-Type: text/html\n\n<style>p{}</style><p>One</p><p>Two &amp; more</p>");
    let text = mail.text.unwrap();
    assert!(text.contains("One") && text.contains("Two & more") && !text.contains("p{}"), "{text}");
    assert!(mail.html.unwrap().contains("<p>One</p>"));
}

#[test]
fn what_is_missing_or_broken_does_not_matter() {
    for raw in ["x", "\n\nbody only", "Subject only", "Subject: x\n", ": no name\n\nb", "__proto__: 1\n\nb"] {
        let _ = mail(raw);
    }
    assert_eq!(parse(b"").notes, [Note::Unreadable]);
    let no_boundary = mail("Subject: x\nContent-Type: multipart/mixed\n\nstill here");
    assert!(no_boundary.text.is_some_and(|text| text.contains("still here")) || !no_boundary.attachments.is_empty());
    let unterminated = mail("Subject: x\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nfirst\n--b\nContent-Ty");
    assert!(unterminated.text.unwrap().contains("first"));
    let bad_date = mail("Date: Tue, 99 Foo 12345 99:99:99\nSubject: x\n\nb");
    assert_eq!((bad_date.date, bad_date.subject.as_deref()), (None, Some("x")));
}

#[test]
fn nuls_are_replaced_everywhere() {
    let raw = "From: a\0b <a\0@x.example>\nSubject: a\0b\nX-Odd: \0\nMessage-ID: <a\0@x>\n\
        Content-Type: text/plain; name=\"a\0.txt\"\n\nbody\0body";
    let mail = mail(raw);
    check(&mail);
    assert!(mail.text.unwrap().contains("body\u{FFFD}body"));
}

#[test]
fn bombs_are_defused() {
    let headers = format!("Subject: x\r\n{}\r\nbody", "X-Bomb: 1\r\n".repeat(200_000));
    let mail = parse(headers.as_bytes());
    assert!(mail.headers.len() <= 500 && mail.notes.contains(&Note::HeadersCut));
    assert_eq!((mail.subject.as_deref(), mail.text.as_deref()), (Some("x"), Some("body")));

    let long = format!("Subject: {}\r\n\r\nb", "a".repeat(3_000_000));
    assert!(parse(long.as_bytes()).subject.unwrap_or_default().len() <= 4 * 1024);

    let nested = format!("Subject: x\r\n{}\r\nend", "Content-Type: message/rfc822\r\n\r\n".repeat(15_000));
    assert_eq!(parse(nested.as_bytes()).attachments.len(), 1);

    let multiparts: String =
        (0..5_000).map(|n| format!("Content-Type: multipart/mixed; boundary=b{n}\r\n\r\n--b{n}\r\n")).collect();
    let deep = parse(format!("Subject: x\r\n{multiparts}\r\nend").as_bytes());
    assert_eq!(deep.subject.as_deref(), Some("x"));

    let parts = format!(
        "Subject: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n{}--b--",
        "--b\r\nContent-Type: application/x\r\n\r\ny\r\n".repeat(5_000)
    );
    let many = parse(parts.as_bytes());
    assert!(many.attachments.len() == 500 && many.notes.contains(&Note::AttachmentsCut));

    let too_many =
        format!("Subject: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n{}", "--b\r\n\r\n".repeat(50_000));
    let complex = parse(too_many.as_bytes());
    assert!(complex.notes.contains(&Note::TooComplex) && complex.subject.is_some());

    let body = parse(format!("Subject: x\r\n\r\n{}", "word ".repeat(1_000_000)).as_bytes());
    assert!(body.text.unwrap().len() <= 1024 * 1024 && body.notes.contains(&Note::BodyCut));
}

#[test]
fn attached_images_without_a_name_keep_their_content_id() {
    let mail = mail(
        "Content-Type: multipart/related; boundary=b\n\n--b\nContent-Type: text/html\n\n<img src=cid:x>\n\
        --b\nContent-Type: image/gif\nContent-ID: <x>\nContent-Disposition: attachment\n\nGIF\n--b--",
    );
    assert_eq!(mail.attachments[0].content_id.as_deref(), Some("x"));
    assert!(!mail.attachments[0].inline);
}

/// Every text of a mail obeys its cap and holds no NUL.
fn check(mail: &ParsedMail) {
    let lists = [&mail.to, &mail.cc, &mail.bcc, &mail.reply_to].into_iter().flatten().chain(&mail.from);
    let mut texts: Vec<&str> =
        lists.flat_map(|who| [who.address.as_str(), who.name.as_deref().unwrap_or("")]).collect();
    texts.extend(mail.headers.iter().flat_map(|header| [header.name.as_str(), header.value.as_str()]));
    let single = [&mail.subject, &mail.text, &mail.html, &mail.rfc_message_id, &mail.in_reply_to, &mail.origin];
    texts.extend(single.into_iter().flatten().chain(&mail.references).map(String::as_str));
    for attachment in &mail.attachments {
        assert!(!attachment.filename.is_empty() && !attachment.filename.contains(['/', '\\']));
        assert!(!attachment.part_id.is_empty());
        texts.extend([attachment.filename.as_str(), attachment.content_type.as_str()]);
        texts.extend(attachment.content_id.as_deref());
    }
    assert!(texts.iter().all(|text| !text.contains('\0') && text.len() <= 2 * 1024 * 1024));
    assert!(mail.headers.len() <= 500 && mail.attachments.len() <= 500);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2_000)) {
        let mail = parse(&bytes);
        check(&mail);
        prop_assert!(!mail.notes.contains(&Note::ParserFailed));
    }

    #[test]
    fn mutated_mails_never_stop_the_rest(
        edits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0_usize..4, 0_usize..60), 1..12),
    ) {
        let mut bytes = RICH.replace('\n', "\r\n").into_bytes();
        for (at, byte, kind, length) in edits {
            let at = at.index(bytes.len());
            let end = (at + length).min(bytes.len());
            match kind {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                2 if bytes.len() > 200 => drop(bytes.drain(at..end)),
                _ => {
                    let copy = bytes[at..end].to_vec();
                    bytes.splice(at..at, copy);
                }
            }
        }
        let mail = parse(&bytes);
        check(&mail);
        for attachment in &mail.attachments {
            let _ = attachment_bytes(&bytes, &attachment.part_id);
        }
    }
}
