//! Headers that begin late, end early, or are wrapped wrongly.

use super::*;

fn read(source: &str) -> (Vec<(String, String)>, String) {
    let at = start(source.as_bytes());
    let (end, body) = extent(source.as_bytes(), at, |line| line.starts_with(b"--edge"));
    let block = Block::read(&source.as_bytes()[at..end]);
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let fields = block.fields.iter().map(|field| (text(field.name), text(field.value).trim().to_owned())).collect();
    (fields, text(&source.as_bytes()[body..]))
}

fn pairs(rows: &[(&str, &str)]) -> Vec<(String, String)> {
    rows.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn a_header_begins_behind_what_others_put_before_it() {
    for before in
        ["", "\u{FEFF}", "\r\n", "\n\n\r\n", "From ann@example.org Fri Nov 20 10:00:00 2026\n", "\u{FEFF}\r\n"]
    {
        assert_eq!(read(&format!("{before}A: b\r\n\r\nbody")), (pairs(&[("A", "b")]), "body".to_owned()), "{before:?}");
    }
    assert_eq!(read("\r\n\r\nbody only"), (Vec::new(), "\r\nbody only".to_owned()));
}

#[test]
fn a_header_ends_at_an_empty_line_a_boundary_or_what_is_no_header() {
    assert_eq!(read("A: b\nC: d"), (pairs(&[("A", "b"), ("C", "d")]), String::new()));
    assert_eq!(read("A: b\n--edge\nx"), (pairs(&[("A", "b")]), "--edge\nx".to_owned()));
    assert_eq!(
        read("A: b\nHello Bob,\nhow are you?\n"),
        (pairs(&[("A", "b")]), "Hello Bob,\nhow are you?\n".to_owned())
    );
    assert_eq!(read("no header at all"), (Vec::new(), "no header at all".to_owned()));
}

#[test]
fn lines_are_joined_also_where_a_mailer_forgot_the_white_space() {
    assert_eq!(read("A: b\r\n c\r\n\td\r\nE : f\r\n\r\n").0, pairs(&[("A", "b\r\n c\r\n\td"), ("E", "f")]));
    assert_eq!(read("A: b\nwrapped here\nC: d\n\nx").0, pairs(&[("A", "b\nwrapped here"), ("C", "d")]));
    assert_eq!(read(": no name\nA: b\n\nx").1, ": no name\nA: b\n\nx");
}
