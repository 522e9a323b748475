//! Addresses as people and mailers write them.

use proptest::prelude::*;

use super::*;

#[test]
fn names_and_addresses_in_every_form() {
    let rows: [(&str, &[(&str, &str)]); 27] = [
        ("ann@example.org", &[("", "ann@example.org")]),
        ("<ann@example.org>", &[("", "ann@example.org")]),
        ("Ann Baker <ann@example.org>", &[("Ann Baker", "ann@example.org")]),
        ("\"Baker, Ann\" <ann@example.org>, b@x.example", &[("Baker, Ann", "ann@example.org"), ("", "b@x.example")]),
        ("\"Ann \\\"the\\\" Baker\" <ann@example.org>", &[("Ann \"the\" Baker", "ann@example.org")]),
        ("ann@example.org (Ann (A.) Baker)", &[("Ann (A.) Baker", "ann@example.org")]),
        ("Ann <ann@example.org> (work)", &[("Ann", "ann@example.org")]),
        ("Ann (work) <ann@example.org>", &[("Ann", "ann@example.org")]),
        ("=?utf-8?Q?Baker,_Ann?= <ann@example.org>", &[("Baker, Ann", "ann@example.org")]),
        ("=?utf-8?Q?J=C3=B6?= =?utf-8?Q?rg?= <j@example.org>", &[("Jörg", "j@example.org")]),
        ("\"=?utf-8?Q?J=C3=B6rg?=\" <j@example.org>", &[("Jörg", "j@example.org")]),
        ("Jörg <j@example.org>", &[("Jörg", "j@example.org")]),
        ("team: a@x.example, B <b@x.example>;", &[("", "a@x.example"), ("B", "b@x.example")]),
        ("undisclosed-recipients:;", &[]),
        ("a: b@x.example; c@x.example, d:;", &[("", "b@x.example"), ("", "c@x.example")]),
        ("", &[]),
        ("<>", &[]),
        (",,; ,", &[]),
        ("Ann Baker", &[("Ann Baker", "")]),
        ("Ann ann@example.org", &[("Ann", "ann@example.org")]),
        ("ann @ example.org", &[("", "ann@example.org")]),
        ("\"ann baker\"@example.org", &[("", "\"ann baker\"@example.org")]),
        ("<@relay.example,@other.example:ann@example.org>", &[("", "ann@example.org")]),
        ("Ann <<ann@example.org>>", &[("Ann", "ann@example.org")]),
        ("Ann <ann@example.org, b@x.example", &[("Ann", "ann@example.org"), ("", "b@x.example")]),
        ("\"never closed <ann@example.org>", &[("never closed", "ann@example.org")]),
        ("ann@example.org <other@example.net>", &[("ann@example.org", "other@example.net")]),
    ];
    for (header, expected) in rows {
        let read = mailboxes(header.as_bytes(), None);
        let read: Vec<_> = read.iter().map(|m| (m.name.as_deref().unwrap_or(""), m.address.as_str())).collect();
        assert_eq!(read, expected, "{header}");
    }
    assert_eq!(mailboxes(b"J\xf6rg <j@example.org>", Some("iso-8859-1"))[0].name.as_deref(), Some("Jörg"));
    assert_eq!(mailboxes(&b"a@b.c,".repeat(5_000), None).len(), limits::ADDRESSES);
}

proptest! {
    #[test]
    fn never_panics(pieces in proptest::collection::vec(
        prop_oneof![Just("<".to_owned()), Just(">".to_owned()), Just("\"".to_owned()), Just("(".to_owned()), Just(")".to_owned()),
            Just(",".to_owned()), Just(":".to_owned()), Just("\\".to_owned()), Just("a@b".to_owned()), ".{0,6}"], 0..40)) {
        for mailbox in mailboxes(pieces.concat().as_bytes(), None) {
            prop_assert!(mailbox.name.is_some() || !mailbox.address.is_empty());
        }
    }
}
