//! Mails that get something wrong, or do something rare, on purpose.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Kind;
use super::build::Draft;
use super::part::{self, header, put};

/// "こんにちは" in ISO-2022-JP, with its escape sequences.
const HELLO_JP: &[u8] = b"\x1b$B$3$s$K$A$O\x1b(B";
/// "你好，世界" in GB18030.
const HELLO_CN: &[u8] = b"\xc4\xe3\xba\xc3\xa3\xac\xca\xc0\xbd\xe7";
/// "Grüße – 5 €" in windows-1252.
const HELLO_1252: &[u8] = b"Gr\xfc\xdfe \x96 5 \x80";

/// Writes the `Subject` header in the form that belongs to the kind.
pub(super) fn subject(out: &mut Vec<u8>, kind: Kind, subject: &str) {
    match kind {
        Kind::NoSubject => {}
        Kind::Iso2022Jp => {
            put(out, &format!("Subject: =?ISO-2022-JP?B?{}?=\r\n", STANDARD.encode(HELLO_JP)));
        }
        Kind::Gb18030 => put(out, &format!("Subject: =?GB18030?B?{}?=\r\n", STANDARD.encode(HELLO_CN))),
        Kind::Windows1252 => put(out, "Subject: =?windows-1252?Q?Gr=FC=DFe_=96_5_=80?=\r\n"),
        Kind::SplitWord => {
            // Three bytes of the euro sign, cut after the first.
            put(out, "Subject: =?UTF-8?B?NSDi?=\r\n =?UTF-8?B?gqwgb2Zm?=\r\n");
        }
        Kind::EightBitHeaders => {
            put(out, "Subject: ");
            out.extend_from_slice(subject.replace(|c: char| c.is_control(), " ").as_bytes());
            out.extend_from_slice(b" Gr\xfc\xdfe\r\nX-Odd: \xff\xfe\x80\r\n");
        }
        Kind::NulBytes => {
            put(out, "Subject: nul ");
            out.push(0);
            put(out, " byte\r\n");
        }
        Kind::DuplicateHeaders => {
            header(out, "Subject", subject);
            header(out, "Subject", "a second subject");
            header(out, "From", "Second Sender <second@example.net>");
            header(out, "Message-ID", "<second@mail.sim.example>");
            header(out, "__proto__", "polluted");
        }
        _ => header(out, "Subject", subject),
    }
}

/// Writes the body of an odd kind.
pub(super) fn body(draft: &mut Draft<'_>, kind: Kind) {
    match kind {
        Kind::Iso2022Jp => encoded(draft, "ISO-2022-JP", "7bit", HELLO_JP, "こんにちは"),
        Kind::Gb18030 => encoded(draft, "GB18030", "8bit", HELLO_CN, "你好，世界"),
        Kind::Windows1252 => {
            "Grüße – 5 €".clone_into(&mut draft.text);
            part::text(&mut draft.out, "text/plain", "windows-1252", HELLO_1252);
        }
        Kind::Mislabelled => part::text(&mut draft.out, "text/plain", "windows-1252", draft.text.as_bytes()),
        Kind::UnknownCharset => unknown_charset(draft),
        Kind::NulBytes => {
            put(
                &mut draft.out,
                "Content-Type: text/plain; charset=UTF-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nbefore",
            );
            draft.out.push(0);
            put(&mut draft.out, "after\r\n");
            "beforeafter".clone_into(&mut draft.text);
        }
        Kind::Deep => deep(draft),
        Kind::EmptyAttachment => {
            draft.open("mixed");
            draft.text_part();
            draft.next();
            put(&mut draft.out, "Content-Type: application/octet-stream\r\n");
            put(&mut draft.out, "Content-Disposition: attachment; filename=\"empty.bin\"\r\n");
            put(&mut draft.out, "Content-Transfer-Encoding: base64\r\n\r\n\r\n");
            draft.close();
        }
        Kind::OddNames => odd_names(draft),
        Kind::NoBoundary => {
            put(&mut draft.out, "Content-Type: multipart/mixed\r\n\r\n--lost\r\nContent-Type: text/plain\r\n\r\n");
            let text = draft.text.replace('\n', "\r\n");
            put(&mut draft.out, &text);
        }
        Kind::DuplicateHeaders => {
            put(&mut draft.out, "Content-Type: text/plain; charset=UTF-8\r\n\r\n");
            let text = draft.text.replace('\n', "\r");
            put(&mut draft.out, &text);
        }
        Kind::ManyParts => {
            draft.open("mixed");
            draft.text_part();
            for at in 0..200 {
                draft.next();
                put(&mut draft.out, &format!("Content-Type: text/plain\r\n\r\npart {at}\r\n"));
            }
            draft.close();
        }
        _ => part::text(&mut draft.out, "text/plain", "UTF-8", draft.text.as_bytes()),
    }
}

fn encoded(draft: &mut Draft<'_>, charset: &str, encoding: &str, bytes: &[u8], text: &str) {
    put(
        &mut draft.out,
        &format!("Content-Type: text/plain; charset={charset}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"),
    );
    for _ in 0..3 {
        draft.out.extend_from_slice(bytes);
        put(&mut draft.out, "\r\n");
    }
    draft.text = [text; 3].join("\n");
}

fn unknown_charset(draft: &mut Draft<'_>) {
    draft.open("mixed");
    draft.next();
    put(&mut draft.out, "Content-Type: text/plain\r\nContent-Transfer-Encoding: 8bit\r\n\r\n");
    draft.out.extend_from_slice(HELLO_1252);
    put(&mut draft.out, "\r\n");
    draft.next();
    put(&mut draft.out, "Content-Type: text/plain; charset=x-unheard-of\r\n\r\nplain after all\r\n");
    draft.close();
    "plain after all".clone_into(&mut draft.text);
}

fn deep(draft: &mut Draft<'_>) {
    const LEVELS: usize = 30;
    for level in 0..LEVELS {
        put(
            &mut draft.out,
            &format!("Content-Type: multipart/mixed; boundary=\"level{level}\"\r\n\r\n--level{level}\r\n"),
        );
    }
    part::text(&mut draft.out, "text/plain", "UTF-8", draft.text.as_bytes());
    for level in (0..LEVELS).rev() {
        put(&mut draft.out, &format!("--level{level}--\r\n"));
    }
}

fn odd_names(draft: &mut Draft<'_>) {
    const NAMES: [&str; 5] = [
        "filename*=UTF-8''na%C3%AFve%20%E2%82%AC.txt",
        "filename*0*=UTF-8''a%20very%20long%20;\r\n filename*1=name.txt",
        "filename=\"../../etc/passwd\"",
        "filename=\"same.txt\"",
        "filename=\"same.txt\"",
    ];
    draft.open("mixed");
    draft.text_part();
    for name in NAMES {
        draft.next();
        let disposition = format!("Content-Disposition: attachment; {name}");
        part::file(&mut draft.out, "application/octet-stream", &disposition, draft.dice, 30);
    }
    draft.close();
}
