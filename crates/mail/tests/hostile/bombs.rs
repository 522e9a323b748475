//! Mails that are simple to send and dear to read.

use super::measure::Wrong;

/// A mebibyte; where the code is not optimised, as much as it reads in the same time.
const MUCH: usize = if cfg!(debug_assertions) { 48 * 1024 } else { 1024 * 1024 };

fn repeated(head: &str, piece: impl AsRef<[u8]>, size: usize) -> Vec<u8> {
    let piece = piece.as_ref();
    [head.as_bytes(), &piece.repeat(size / piece.len().max(1))].concat()
}

#[test]
fn html_of_many_small_pieces() {
    let mut wrong = Wrong::default();
    for piece in [
        "<p>",
        "<b></b>",
        "<b>x</b>",
        "<td>123</td>",
        "<br>",
        "<p a b c d e f>",
        "<p title=a lang=b dir=c>",
        "&lt;",
        "&",
        "&euro;",
        "&CounterClockwise",
        "<",
        ">",
        "</p>",
        "<b><i></b></i>",
        "<table><tr><td>",
        "<table>x",
        "<td><table></table>",
        "<li><p>",
        "<dl><dd></div>",
        "<!---->",
        "<!--",
        "<img src=cid:x>",
        "<a href=http://x.example>",
        "<img src=data:image/png;base64,AAAA>",
        "<p style=color:red>",
        "<p style=\"a:b;c:d;e:f\">",
        "<svg>",
        "<svg></svg>",
        "<style></style>",
        "<title>",
        "<a b='",
        "<b></x>",
        "\u{A0}",
        "\0",
        "\r",
        "<pre>\n",
        "<blockquote>x</blockquote>",
        "</",
        "<?",
        "<![CDATA[",
    ] {
        wrong.check(piece, &repeated("Content-Type: text/html\r\n\r\n", piece, MUCH));
        wrong.check(piece, &repeated("Content-Type: text/html\r\n\r\n", piece, MUCH / 10));
    }
    wrong.none();
}

#[test]
fn bytes_of_every_charset() {
    let mut wrong = Wrong::default();
    for label in [
        "",
        "utf-8",
        "windows-1252",
        "iso-2022-jp",
        "utf-7",
        "hz",
        "iso-2022-kr",
        "utf-16",
        "gb18030",
        "big5",
        "x-unknown",
    ] {
        for piece in [
            &b"\x80"[..],
            b"\xC3",
            b"\xFF\xFE",
            b"+",
            b"+AOk-",
            b"\x1B$B",
            b"\x1B(",
            b"~{",
            b"\x0E!",
            b"\0",
            b"=?",
            b"\xC3\xA9",
        ] {
            for kind in ["plain", "html"] {
                let head = format!("Subject: x\r\nContent-Type: text/{kind}; charset={label}\r\n\r\n");
                wrong.check(&format!("{head}{piece:?}"), &repeated(&head, piece, MUCH / 2));
            }
        }
    }
    wrong.none();
}

#[test]
fn encodings_that_grow_or_never_end() {
    let mut wrong = Wrong::default();
    for (encoding, piece) in [
        ("base64", "QUJD"),
        ("base64", "QUJD\r\n"),
        ("base64", "Q"),
        ("base64", "="),
        ("base64", "\r\n"),
        ("base64", "QQ==\r\n"),
        ("base64", "!"),
        ("quoted-printable", "=41"),
        ("quoted-printable", "="),
        ("quoted-printable", "=\r\n"),
        ("quoted-printable", "\r\n"),
        ("quoted-printable", " "),
        ("x-uuencode", "begin 644 x\n"),
        ("x-uuencode", "begin 644 x\nM\n"),
        ("8bit", "begin "),
    ] {
        for kind in [
            "text/plain",
            "text/html",
            "application/x",
            "application/ms-tnef",
            "text/calendar",
            "text/plain; format=flowed; delsp=yes",
        ] {
            let head = format!("Content-Type: {kind}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n");
            wrong.check(&format!("{head}{piece}"), &repeated(&head, piece, MUCH));
        }
    }
    wrong.none();
}

#[test]
fn text_of_many_lines() {
    let mut wrong = Wrong::default();
    for piece in ["\n", " \n", "> \n", ">", ">>>> x \n", "x\n", "-- \n", "-- ", "\u{200B}", "\r", "x "] {
        for flowed in ["", "; format=flowed; delsp=yes"] {
            let head = format!("Content-Type: text/plain; charset=utf-8{flowed}\r\n\r\n");
            wrong.check(&format!("{head}{piece}"), &repeated(&head, piece, MUCH));
        }
    }
    wrong.none();
}

#[test]
fn headers_of_every_kind() {
    let mut wrong = Wrong::default();
    let names = [
        "Subject",
        "From",
        "To",
        "References",
        "Message-ID",
        "Date",
        "Content-Type",
        "Content-Disposition",
        "X-Other",
        "X-Postrider-Origin",
    ];
    let pieces = [
        "a",
        "a,",
        "a@b.example,",
        "<",
        "<a>",
        "\"",
        "(",
        "(()",
        "\\",
        ":",
        ";",
        "=?",
        "=?utf-8?B?YQ==?= ",
        "=?utf-8?Q?=C3?=",
        "=?x?Q??=",
        "\r\n ",
        "\r\n\t",
        "; a=b",
        "; name*0*=utf-8''x",
        "; name*1=x",
        "1 ",
        "- ",
        "\u{e9}",
        "\0",
        "g:;",
        "'",
    ];
    for name in names {
        for piece in pieces {
            let head = format!("{name}: x/y; z");
            wrong.check(&format!("{head} {piece}"), &repeated(&head, piece, MUCH / 4));
        }
    }
    wrong.none();
}

#[test]
fn floods_of_headers() {
    let mut wrong = Wrong::default();
    for piece in [
        "X-A: 1\r\n",
        ":\r\n",
        "a:\n",
        "To: a@b.example, c@d.example\r\n",
        "From: a\r\n",
        "Subject: =?utf-8?B?YQ==?=\r\n",
        "no header\r\nX: y\r\n",
        "Content-Type: a/b; c=d\r\n",
        "References: <a@b>\r\n",
        "Date: x\r\n",
        "\r\n",
        "From x\r\n",
        " \r\n",
        "x\r\n",
    ] {
        wrong.check(piece, &repeated("Subject: x\r\n", piece, 2 * MUCH));
    }
    wrong.none();
}

#[test]
fn many_parts() {
    let mut wrong = Wrong::default();
    let mixed = "Content-Type: multipart/mixed; boundary=b\r\n\r\n";
    for piece in [
        "--b\n",
        "--b\n\n",
        "--b\n\nx\n",
        "--b\nContent-Type: application/x\n\ny\n",
        "--b\nContent-Type: text/html\n\n<p>\n",
        "--b\nContent-Type: message/rfc822\n\nSubject: x\n\n",
        "--b\nContent-Type: multipart/mixed\n\n--c\n\nx\n",
        "--b\nContent-Type: multipart/mixed; boundary=c\n\n--c\n\n--c--\n",
        "--b\nContent-Type: multipart/related; start=x\n\n--d\n",
        "--b\nContent-Type: text/plain; name=x\n\ny\n",
        "--b--\n--b\n",
        "--bb\n",
        "--",
        "--\n",
        "\n--",
        "--b\n\n\u{ff}\n",
        "--b\nContent-Type: text/calendar\n\nBEGIN:VEVENT\n",
        "--b\nContent-Type: text/plain; charset=x\n\n\u{e9}\n",
    ] {
        wrong.check(piece, &repeated(mixed, piece, MUCH));
        wrong.check(piece, &repeated(mixed, piece, MUCH / 10));
        wrong.check(piece, &repeated(&mixed.replace("mixed", "alternative"), piece, MUCH / 4));
        wrong.check(piece, &repeated(&mixed.replace("mixed", "related; start=x"), piece, MUCH / 4));
        wrong.check(piece, &repeated(&mixed.replace("mixed", "digest"), piece, MUCH / 4));
    }
    let names: String = (0..200).map(|n| format!("; name*{n}=x")).collect();
    wrong.check("parts of many parameters", &repeated(mixed, format!("--b\nContent-Type: a/b{names}\n\n"), MUCH));
    wrong.check("10,000 parts", &repeated(mixed, "--b\r\nContent-Type: application/x\r\n\r\ny\r\n", 10_000 * 41));
    wrong.none();
}

#[test]
fn deep_nesting() {
    let mut wrong = Wrong::default();
    let nested = |kind: &str, levels: usize| -> String {
        (0..levels).map(|n| format!("Content-Type: multipart/{kind}; boundary=b{n}\r\n\r\n--b{n}\r\n")).collect()
    };
    for kind in ["mixed", "alternative", "related", "signed", "digest"] {
        for levels in [100, 127, 128, 1_000, 20_000] {
            wrong.check(&format!("{levels} {kind}"), format!("{}\r\nend", nested(kind, levels)).as_bytes());
        }
    }
    wrong.check("mails", &repeated("Subject: x\r\n", "Content-Type: message/rfc822\r\n\r\n", MUCH));
    let boundary = "b".repeat(60);
    let same = format!("Content-Type: multipart/mixed; boundary={boundary}\r\n\r\n--{boundary}\r\n");
    wrong.check("one boundary", &repeated("", same, MUCH));
    wrong.none();
}

#[test]
fn fifty_megabytes() {
    let mut wrong = Wrong::default();
    let line = format!("{}\r\n", "QUJD".repeat(19));
    let head = "Subject: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nhi\r\n--b\r\nContent-Type: application/x\r\n";
    wrong.check("a file", &repeated(&format!("{head}Content-Transfer-Encoding: base64\r\n\r\n"), &line, 50 * MUCH));
    wrong.check("lines", &repeated(&format!("{head}\r\n"), "--\r\n", 50 * MUCH));
    wrong.check("text", &repeated("Content-Type: text/plain\r\n\r\n", "words and words \r\n", 50 * MUCH));
    wrong.check("one line", &repeated("Content-Type: text/html\r\n\r\n", "<p>words", 50 * MUCH));
    wrong.none();
}
