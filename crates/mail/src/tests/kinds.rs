//! Kinds of mail, one test each.

use super::*;

#[test]
fn large_mails_keep_their_parts() {
    let parts = "--b\r\nContent-Type: application/x\r\n\r\ny\r\n".repeat(10_000);
    let many = parse(format!("Subject: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n{parts}--b--").as_bytes());
    assert_eq!((many.attachments.len(), many.notes.as_slice()), (500, &[Note::AttachmentsCut][..]));
    assert_eq!(many.attachments[499].part_id, "499");

    let line = format!("{}\r\n", "QUJD".repeat(19));
    let file = line.repeat(52_428_800 / line.len());
    let head = "Subject: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nhi\r\n\
        --b\r\nContent-Type: application/x\r\nContent-Transfer-Encoding: base64\r\n\r\n";
    let raw = format!("{head}{file}--b--");
    let big = parse(raw.as_bytes());
    assert_eq!((big.text.as_deref(), big.attachments[0].size), (Some("hi"), (file.len() / line.len() * 57) as u64));
    assert_eq!(attachment_bytes(raw.as_bytes(), "1").unwrap().len() as u64, big.attachments[0].size);
}

#[test]
fn the_first_of_doubled_headers_counts() {
    let mail = mail(
        "From: <>\nFrom: Ann <a@x.example>, b@x.example\nFrom: c@x.example\nSubject: one\nSubject: two\n\
        To: d@x.example\nTo: e@x.example\nDate: no\nDate: Fri, 20 Nov 2026 10:00:00 +0000\n\nx",
    );
    assert_eq!(mail.from.unwrap().address, "a@x.example");
    assert_eq!(mail.subject.as_deref(), Some("one"));
    assert_eq!(mail.to.iter().map(|to| to.address.as_str()).collect::<Vec<_>>(), ["d@x.example", "e@x.example"]);
    assert_eq!(mail.date.unwrap().timestamp(), 1_795_168_800);
}

#[test]
fn raw_headers_are_in_the_mails_charset() {
    let raw = b"From: J\xf6rg <j@x.example>\r\nSubject: Gr\xfc\xdfe\r\nContent-Type: text/plain; charset=iso-8859-1\r\n\r\n\xe4";
    let mail = parse(raw);
    assert_eq!((mail.subject.as_deref(), mail.text.as_deref()), (Some("Grüße"), Some("ä")));
    assert_eq!(mail.from.unwrap().name.as_deref(), Some("Jörg"));
    assert_eq!(mail.headers[1].value, "Grüße");
}

#[test]
fn a_mail_begins_behind_what_stands_before_it() {
    for before in ["\u{FEFF}", "\r\n", "From ann@example.org Fri Nov 20 10:00:00 2026\r\n"] {
        let mail = parse(format!("{before}Subject: x\r\n\r\nbody").as_bytes());
        assert_eq!((mail.subject.as_deref(), mail.text.as_deref()), (Some("x"), Some("body")), "{before:?}");
    }
    let old_mac = parse(b"Subject: x\rFrom: a@x.example\r\rone\rtwo");
    assert_eq!((old_mac.subject.as_deref(), old_mac.text.as_deref()), (Some("x"), Some("one\ntwo")));
}

#[test]
fn flowed_text_is_joined() {
    let flowed = "Content-Type: text/plain; charset=utf-8; format=Flowed\n\nOne \ntwo.\n> three \n> four";
    assert_eq!(mail(flowed).text.as_deref(), Some("One two.\n> three four"));
    let delsp = "Content-Type: text/plain; charset=utf-8; format=flowed; delsp=yes\n\nこん \nにちは";
    assert_eq!(mail(delsp).text.as_deref(), Some("こんにちは"));
}

#[test]
fn an_attached_mail_may_be_encoded() {
    let raw = "Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nU3ViamVjdDogaW5uZXINCg0KeA==\n";
    let mail = mail(raw);
    assert_eq!((mail.attachments[0].content_type.as_str(), mail.attachments[0].size), ("message/rfc822", 19));
    assert_eq!(attachment_bytes(raw.as_bytes(), "0").unwrap(), b"Subject: inner\r\n\r\nx");
}

#[test]
fn two_attachments_of_one_name_have_their_own_bytes() {
    let part =
        |data: &str| format!("--b\nContent-Type: text/csv; name=a.csv\nContent-Disposition: attachment\n\n{data}\n");
    let raw = format!("Content-Type: multipart/mixed; boundary=b\n\n{}{}--b--", part("1"), part("2"));
    assert_eq!(parse(raw.as_bytes()).attachments.len(), 2);
    assert_eq!(attachment_bytes(raw.as_bytes(), "0").unwrap(), b"1");
    assert_eq!(attachment_bytes(raw.as_bytes(), "1").unwrap(), b"2");
}

#[test]
fn an_invitation_is_told_and_kept() {
    let raw = "Content-Type: multipart/alternative; boundary=b\n\n--b\n\nCome!\n\
        --b\nContent-Type: text/calendar; method=REQUEST; charset=utf-8\n\nBEGIN:VCALENDAR\nBEGIN:VEVENT\n\
        SUMMARY:Gate\nDTSTART:20261120T100000Z\nORGANIZER:mailto:ann@x.example\nEND:VEVENT\nEND:VCALENDAR\n--b--";
    let mail = mail(raw);
    let invitation = mail.invitation.unwrap();
    assert_eq!((invitation.method.as_deref(), invitation.summary.as_deref()), (Some("REQUEST"), Some("Gate")));
    assert_eq!((invitation.part_id.as_str(), mail.attachments[0].part_id.as_str()), ("1", "1"));
    assert_eq!(mail.attachments[0].filename, "invite.ics");
}

#[test]
fn signed_and_encrypted_mail_is_kept_and_named() {
    let signed = mail(
        "Content-Type: multipart/signed; protocol=\"application/pgp-signature\"; boundary=b\n\n--b\n\nHi\n\
        --b\nContent-Type: application/pgp-signature\n\nsig\n--b--",
    );
    assert_eq!((signed.protection, signed.text.as_deref()), (Some(Protection::PgpSigned), Some("Hi")));
    assert_eq!(signed.attachments[0].filename, "signature.asc");
    let sealed = mail(
        "Content-Type: application/pkcs7-mime; smime-type=enveloped-data\nContent-Transfer-Encoding: base64\n\nAAEC\n",
    );
    assert_eq!(
        (sealed.protection, sealed.attachments[0].filename.as_str()),
        (Some(Protection::SmimeEncrypted), "smime.p7m")
    );
}

#[test]
fn only_what_the_html_shows_is_no_attachment() {
    let shape = |html: &str, header: &str| {
        let raw = format!(
            "Content-Type: multipart/related; boundary=b\n\n--b\nContent-Type: text/html\n\n{html}\n\
            --b\nContent-Type: image/gif\n{header}\n\nGIF\n--b--"
        );
        mail(&raw).has_attachments()
    };
    assert!(!shape("<img src=cid:x>", "Content-ID: <x>"));
    assert!(shape("no picture", "Content-ID: <x>"));
    assert!(shape("<img src=cid:x>", "Content-Disposition: inline; filename=a.gif"));
}

#[test]
fn html_is_shown_as_the_reader_asked() {
    let raw = b"Content-Type: text/html\n\n<img src=\"https://a.example/x\"><img src=\"cid:y\"><script>1</script>";
    let place = |id: &str| Some(format!("/files/{id}"));
    let shown = shown_html(raw, &View { remote: Remote::Images, cid: Some(&place) }).unwrap();
    assert!(
        shown.contains("https://a.example/x") && shown.contains("/files/y") && !shown.contains("script"),
        "{shown}"
    );
    let shown = shown_html(raw, &View::default()).unwrap();
    assert!(!shown.contains("a.example") && shown.contains("cid:y"), "{shown}");
    assert_eq!(shown_html(b"Subject: x\n\nplain", &View::default()), None);
}
