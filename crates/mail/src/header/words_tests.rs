//! Words as mailers write them.

use proptest::prelude::*;

use super::*;

#[test]
fn words_are_joined_before_they_are_decoded() {
    let rows: [(&str, &str); 17] = [
        ("plain", "plain"),
        ("=?UTF-8?B?4pyTIOI=?=\r\n =?utf-8?b?nJM=?=", "✓ ✓"),
        ("=?utf-8?Q?a=C3?= =?utf-8?Q?=A4_b?=\t=?utf-8?Q?c?=", "aä bc"),
        // One encoding after the other, and a quad of base64 cut in two.
        ("=?utf-8?Q?=C3?= =?utf-8?B?pA==?=", "ä"),
        ("=?utf-8?B?w6Q?= =?utf-8?B?w6Q=?=", "ää"),
        ("=?utf-8?B?YWJ?= =?utf-8?B?jZGVm?=", "abcdef"),
        ("=?utf-8?Q?a?= =?iso-8859-1?Q?=E4?= b", "aä b"),
        ("x =?utf-8?Q?y?= z", "x y z"),
        ("=?utf-8?Q?a?==?utf-8?Q?b?=", "ab"),
        ("a=?utf-8?Q?b?=c", "abc"),
        ("=?utf-8?Q?what=3F?= =? x ?=", "what? =? x ?="),
        ("=?iso-8859-1*de?Q?Gr=FCn?=", "Grün"),
        ("=?utf-8?Q?with spaces = and == more?=", "with spaces = and == more"),
        ("=?ISO-2022-JP?B?GyRCJDMkcyRLJEEkTxsoQg==?=", "こんにちは"),
        ("=?utf-8?B?**YQ==?=", "a"),
        ("one\r\n  two\r\n\tthree", "one two three"),
        ("=?=?=?utf-8?Q?a?=", "=?=?a"),
    ];
    for (value, expected) in rows {
        assert_eq!(decode(value.as_bytes(), None), expected, "{value}");
    }
}

#[test]
fn raw_bytes_are_utf8_or_in_the_mails_charset_or_detected() {
    assert_eq!(decode("grün".as_bytes(), Some("iso-8859-1")), "grün");
    assert_eq!(decode(b"gr\xfcn", Some("iso-8859-1")), "grün");
    assert_eq!(decode(b"\xf0\xd2\xc9\xd7\xc5\xd4 \xcd\xc9\xd2", Some("koi8-r")), "Привет мир");
    assert_eq!(decode(b"gr\xfcn ist die Farbe", None), "grün ist die Farbe");
}

proptest! {
    #[test]
    fn never_panics(pieces in proptest::collection::vec(
        prop_oneof![Just("=?".to_owned()), Just("?=".to_owned()), Just("?B?".to_owned()), Just("utf-8".to_owned()),
            Just("?Q?".to_owned()), Just("YQ==".to_owned()), Just("\r\n ".to_owned()), Just(" ".to_owned()), ".{0,6}"], 0..40)) {
        let _ = decode(pieces.concat().as_bytes(), None);
    }
}
