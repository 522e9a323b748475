//! Each way a charset is told.

use super::*;

#[test]
fn by_label_and_by_the_names_mailers_write() {
    let rows: [(&str, &[u8], &str); 24] = [
        ("iso-2022-jp", b"\x1b$B$3$s$K$A$O\x1b(B", "こんにちは"),
        ("gb18030", b"\xc4\xe3\xba\xc3", "你好"),
        ("gb2312", b"\xc4\xe3\xba\xc3", "你好"),
        ("cp936", b"\xc4\xe3\xba\xc3", "你好"),
        ("big5", b"\xa4\xa4\xa4\xe5", "中文"),
        ("cp950", b"\xa4\xa4\xa4\xe5", "中文"),
        ("windows-1252", b"\x80 \x93x\x94", "€ “x”"),
        ("cp1252", b"\x80", "€"),
        ("windows1252", b"\x80", "€"),
        ("cp-1250", b"\x9a", "š"),
        ("latin-1", b"\xe4", "ä"),
        ("iso8859-15", b"\xa4", "€"),
        ("iso_8859_2", b"\xb9", "š"),
        ("koi8-r", b"\xf0\xd2\xc9\xd7\xc5\xd4", "Привет"),
        ("utf-7", b"Hi +AOk-", "Hi é"),
        ("ks_c_5601-1987", b"\xb0\xa1", "가"),
        ("cp949", b"\xb0\xa1 \x81\x41", "가 갂"),
        ("cp932", b"\x82\xb1 \x87\x40", "こ ①"),
        ("x-sjis", b"\x82\xb1", "こ"),
        ("shift-jis", b"\x82\xb1", "こ"),
        ("iso-8859-8-i", b"\xf9\xec", "של"),
        ("iso-8859-8-e", b"\xf9\xec", "של"),
        ("iso-2022-kr", b"\x0e0!\x0f", "가"),
        ("utf-8", b"bad \xff byte", "bad \u{FFFD} byte"),
    ];
    for (label, bytes, expected) in rows {
        assert_eq!(text(bytes, Some(label), false), expected, "{label}");
        assert_eq!(labelled(bytes, &format!(" \"{}\" ", label.to_uppercase())), expected, "{label}");
    }
}

#[test]
fn a_mark_comes_before_a_label() {
    assert_eq!(text(b"\xef\xbb\xbfgr\xc3\xbcn", Some("iso-8859-1"), false), "grün");
    assert_eq!(text(b"\xff\xfeg\0r\0\xfc\0n\0", None, false), "grün");
    assert_eq!(text(b"\xfe\xff\0g\0r\0\xfc\0n", Some("utf-8"), false), "grün");
}

#[test]
fn html_says_it_itself_where_the_header_does_not() {
    let page = |meta: &str| [format!("<html><head>{meta}</head>").as_bytes(), b"\xf0\xd2\xc9\xd7\xc5\xd4"].concat();
    for meta in [
        "<meta charset=koi8-r>",
        "<META CHARSET = 'KOI8-R'/>",
        "<meta http-equiv=Content-Type content=\"text/html; charset=koi8-r\">",
        "<meta name=x content=y><meta charset=\"koi8-r\">",
    ] {
        assert!(text(&page(meta), None, true).ends_with("Привет"), "{meta}");
        assert!(text(&page(meta), Some("us-ascii"), true).ends_with("Привет"), "{meta}");
    }
    // The header's word counts more, and UTF-16 cannot be what it was read from.
    assert!(text(&page("<meta charset=utf-8>"), Some("koi8-r"), true).ends_with("Привет"));
    assert_eq!(text("<meta charset=utf-16>grün".as_bytes(), None, true), "<meta charset=utf-16>grün");
}

#[test]
fn else_by_what_the_bytes_look_like() {
    for label in [None, Some("us-ascii"), Some("x-unknown"), Some("unknown-8bit"), Some("")] {
        assert_eq!(text("grün".as_bytes(), label, false), "grün");
        assert_eq!(text(b"Sch\xf6ne Gr\xfc\xdfe aus M\xfcnchen", label, false), "Schöne Grüße aus München");
        assert_eq!(text(b"\x1b$B$3$s$K$A$O\x1b(B", label, false), "こんにちは");
        let russian =
            b"\xcf\xf0\xe8\xe2\xe5\xf2, \xea\xe0\xea \xe4\xe5\xeb\xe0? \xdd\xf2\xee \xef\xe8\xf1\xfc\xec\xee.";
        assert_eq!(text(russian, label, false), "Привет, как дела? Это письмо.");
    }
}

#[test]
fn a_label_that_cannot_be_true_is_not_believed() {
    let rows: [(&str, &[u8], &str); 17] = [
        // What they hold is UTF-8 and nothing in the charset of the label.
        ("euc-kr", "“grün”, 5 €, 日本".as_bytes(), "“grün”, 5 €, 日本"),
        ("shift_jis", "„Straße“ — naïve".as_bytes(), "„Straße“ — naïve"),
        ("big5", "Привет".as_bytes(), "Привет"),
        ("gbk", "日本語です".as_bytes(), "日本語です"),
        ("iso-2022-jp", "こんにちは".as_bytes(), "こんにちは"),
        ("utf-7", "grün + blau".as_bytes(), "grün + blau"),
        ("hz-gb-2312", "中文".as_bytes(), "中文"),
        ("iso-2022-kr", "가나".as_bytes(), "가나"),
        ("utf-16", b"plain words\r\n", "plain words\r\n"),
        ("utf-16le", "grün".as_bytes(), "grün"),
        // Bytes that windows-1252, windows-1251 and ISO 8859-2 leave empty.
        ("iso-8859-1", "He said “no”.".as_bytes(), "He said “no”."),
        ("windows-1251", "“И”".as_bytes(), "“И”"),
        ("iso-8859-2", "Žluťoučký kůň".as_bytes(), "Žluťoučký kůň"),
        // UTF-8 that is none.
        ("utf-8", b"Sch\xf6ne Gr\xfc\xdfe aus M\xfcnchen", "Schöne Grüße aus München"),
        ("utf-8", b"Gr\xfcn", "Grün"),
        ("iso-2022-jp", b"\x82\xb1\x82\xf1\x82\xc9\x82\xbf\x82\xcd", "こんにちは"),
        ("utf-7", b"Sch\xf6ne Gr\xfc\xdfe aus M\xfcnchen", "Schöne Grüße aus München"),
    ];
    for (label, bytes, expected) in rows {
        assert_eq!(text(bytes, Some(label), false), expected, "{label}");
        assert_eq!(labelled(bytes, label), expected, "{label}");
    }
    let gateway = "<meta charset=utf-8>Grün".as_bytes();
    assert_eq!(text(gateway, Some("iso-8859-1"), true), "<meta charset=utf-8>Grün");
}

#[test]
fn a_label_that_can_be_true_is_believed() {
    for (label, bytes, expected) in [
        ("iso-8859-1", "grün".as_bytes(), "grÃ¼n"),
        ("utf-8", b"gr\xc3\xbcn \xff Gr\xfcn", "grün \u{FFFD} Gr\u{FFFD}n"),
        ("utf-8", b"a character that is cut\xc3", "a character that is cut\u{FFFD}"),
        ("utf-16le", b"-N\x87e", "中文"),
        ("shift_jis", b"\x82\xb1 \xff \x82\xb1", "こ \u{FFFD} こ"),
        ("iso-2022-jp", b"\x1b$B$3$s\x1b(B \x82", "こん \u{FFFD}"),
        ("utf-7", b"Hi +AOk-", "Hi é"),
    ] {
        assert_eq!(text(bytes, Some(label), false), expected, "{label}");
    }
    // A page that was written in another charset on its way still names the old one.
    assert_eq!(text(b"<meta charset=utf-8>Gr\xfcn", Some("iso-8859-1"), true), "<meta charset=utf-8>Grün");
}
