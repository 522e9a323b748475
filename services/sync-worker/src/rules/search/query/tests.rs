use postrider_domain::ConnectorId;
use proptest::prelude::*;

use super::*;

fn asked(text: &str) -> Option<String> {
    let prefix = Prefix::of(ConnectorId(uuid::Uuid::nil()));
    Query::parse(text).unwrap().positive(prefix).map(|query| query.replace("000000", ""))
}

fn refused(text: &str) -> Option<String> {
    let prefix = Prefix::of(ConnectorId(uuid::Uuid::nil()));
    Query::parse(text).unwrap().negative(prefix).map(|query| query.replace("000000", ""))
}

#[test]
fn words_phrases_and_fields_are_said_in_the_indexs_language() {
    for (text, query) in [
        ("Gate", "'.gate':*"),
        ("new gate", "'.new':* & '.gate':*"),
        ("\"new gate\"", "('.new' <1> '.gate')"),
        ("\"gate\"", "'.gate'"),
        ("new-gate", "('.new' <1> '.gate':*)"),
        ("gate -old", "'.gate':* & !('.old')"),
        ("gate -\"an old one\"", "'.gate':* & !('.an' <1> '.old' <1> '.one')"),
        ("from:zoe", "'fzoe':*"),
        ("From:zoe@x.org", "('fzoe' <1> 'fx' <1> 'forg':*)"),
        ("to:ann subject:\"the gate\"", "'tann':* & ('sthe' <1> 'sgate')"),
        ("a b", "'.a' & '.b'"),
        ("東京都", "('.東京' <1> '.京都')"),
        ("猫", "'.猫':*"),
        ("Rust入門 猫", "('.rust' <1> '.入門') & '.猫':*"),
        ("\"東京 x\"", "('.東京' <2> '.x')"),
        ("http://x", "('.http' <1> '.x')"),
        ("unknown:thing", "('.unknown' <1> '.thing':*)"),
        ("from: zoe", "'.from':* & '.zoe':*"),
        ("- gate", "'.gate':*"),
        ("Ünïcode", "'.unicode':*"),
        ("\"never ends", "('.never' <1> '.ends')"),
        ("o'clock 'x':*|!&()", "('.o' <1> '.clock':*) & '.x'"),
    ] {
        assert_eq!(asked(text).as_deref(), Some(query), "{text}");
    }
}

#[test]
fn what_is_only_refused_is_told_apart() {
    assert_eq!(asked("-old"), None);
    assert_eq!(refused("-old -from:zoe -\"a b\"").as_deref(), Some("'.old' | 'fzoe' | ('.a' <1> '.b')"));
    assert_eq!(refused("gate -old"), None);
    assert_eq!(refused(""), None);
}

#[test]
fn filters_are_read() {
    let query =
        Query::parse("label:Bills -label:\"My Label\" has:attachment is:unread after:2026/11/1 before:2026-12-01")
            .unwrap();
    assert_eq!(query.labels, [("Bills".to_owned(), false), ("My Label".to_owned(), true)]);
    assert_eq!((query.attachment, query.unread, query.nothing), (Some(true), Some(true), false));
    let text = |time: Option<Timestamp>| time.map(|time| time.to_rfc3339());
    assert_eq!(text(query.after).as_deref(), Some("2026-11-01T00:00:00+00:00"));
    assert_eq!(text(query.before).as_deref(), Some("2026-12-01T00:00:00+00:00"));
    assert_eq!(Query::parse("after:1764374400").unwrap().after.map(|at| at.timestamp()), Some(1_764_374_400));
    assert_eq!(Query::parse("-has:attachment is:read").unwrap().attachment, Some(false));
    assert_eq!(Query::parse("is:read").unwrap().unread, Some(false));
    assert_eq!(Query::parse("is:starred").unwrap().labels, [("STARRED".to_owned(), false)]);
    assert_eq!(
        Query::parse("after:2026/1/1 after:2026/2/1 before:2026/4/1 before:2026/3/1")
            .unwrap()
            .after
            .map(|at| at.timestamp()),
        Some(1_769_904_000)
    );
}

#[test]
fn what_no_mail_can_have_finds_nothing_and_what_says_nothing_is_no_filter() {
    for nothing in ["!!!", "\"\"", "from:...", "is:unread is:read", "has:attachment -has:attachment"] {
        assert!(Query::parse(nothing).unwrap().nothing, "{nothing}");
    }
    for all in ["", "  ", "-!!!"] {
        assert_eq!(Query::parse(all).unwrap(), Query::default(), "{all}");
    }
    assert!(Query::of_subject("% _").nothing && !Query::of_subject("bill").nothing);
}

#[test]
fn what_is_no_search_is_told() {
    assert_eq!(Query::parse(&"x".repeat(1_001)), Err(NoQuery::Length));
    assert_eq!(Query::parse("a\0b"), Err(NoQuery::Length));
    assert_eq!(Query::parse(&"x ".repeat(33)), Err(NoQuery::Terms));
    for bad in ["before:yesterday", "after:2026-13-01", "after:-5", "before:999999999999999", "after:+262142-01-01"] {
        assert_eq!(Query::parse(bad), Err(NoQuery::Day), "{bad}");
    }
}

proptest! {
    #[test]
    fn any_text_is_a_search_or_is_refused(text in any::<String>()) {
        let _ = Query::parse(&text);
    }

    #[test]
    fn nothing_typed_gets_out_of_its_quotes(text in "[-a-z\"': 東<>&|!()\\\\:*0-9]{0,60}") {
        if let Ok(query) = Query::parse(&text) {
            let prefix = Prefix::of(ConnectorId(uuid::Uuid::nil()));
            for written in [query.positive(prefix), query.negative(prefix)].into_iter().flatten() {
                // Outside the quotes stands what this file writes and nothing else.
                let outside: String = written.split('\'').step_by(2).collect();
                prop_assert!(outside.chars().all(|c| " <>&|!():*0123456789".contains(c)), "{written}");
                prop_assert!(written.split('\'').skip(1).step_by(2).all(|word| word.starts_with("000000")));
            }
        }
    }
}
