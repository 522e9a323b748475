//! Structures as they come, with each part's path, type and body.

use super::*;

fn tree(source: &str) -> Vec<String> {
    let tree = Tree::read(source.as_bytes());
    let children = tree.children();
    let leaves = (0..tree.parts.len()).filter(|id| children[*id].is_empty());
    let shown = leaves.map(|id| {
        assert_eq!(tree.find(&tree.path(id)), Some(id));
        let body = String::from_utf8_lossy(tree.parts[id].body);
        format!("{} {} {body:?}", tree.path(id), tree.content(id).media_type)
    });
    shown.collect()
}

const MIXED: &str = "Content-Type: multipart/mixed; boundary=out\n\npreamble\n";

#[test]
fn an_outer_boundary_ends_all_within_it() {
    let inner = "--out\nContent-Type: multipart/alternative; boundary=in\n\n--in\n\na\n";
    for ended in [
        format!("{MIXED}{inner}--in--\n--out\n\nb\n--out--\nepilogue"),
        format!("{MIXED}{inner}--out\n\nb\n--out--\n"),
        format!("{MIXED}{inner}--in--\nwhat\n--out\n\nb\n--out--\n--in\n\nno part"),
    ] {
        assert_eq!(tree(&ended), ["0.0 text/plain \"a\"", "1 text/plain \"b\""], "{ended}");
    }
}

#[test]
fn a_boundary_counts_only_as_a_whole_line() {
    let source = format!("{MIXED}--out\n\n> --out\nx --out\n--outer\n--out x\n--out \t\n\nb\n--out--");
    assert_eq!(tree(&source), ["0 text/plain \"> --out\\nx --out\\n--outer\\n--out x\"", "1 text/plain \"b\""]);
}

#[test]
fn headers_of_parts_may_be_empty_or_cut() {
    assert_eq!(
        tree(&format!("{MIXED}--out\n--out\n\n\n--out\nContent-Type: text/html\n--out--")),
        ["0 text/plain \"\"", "1 text/plain \"\"", "2 text/html \"\""]
    );
    assert_eq!(
        tree(&format!("{MIXED}--out\nno header, but text\n--out\n")),
        ["0 text/plain \"no header, but text\"", "1 text/plain \"\""]
    );
}

#[test]
fn a_multipart_without_parts_is_text() {
    assert_eq!(tree(MIXED), ["0 text/plain \"preamble\\n\""]);
    assert_eq!(tree("Content-Type: multipart/mixed\n\nstill here"), ["0 text/plain \"still here\""]);
    let inner = "--out\nContent-Type: multipart/alternative; boundary=never\n\ntext\n--out\n\nb\n";
    assert_eq!(tree(&format!("{MIXED}{inner}")), ["0 text/plain \"text\"", "1 text/plain \"b\\n\""]);
    // One that names another boundary than it has.
    assert_eq!(tree("Content-Type: multipart/mixed; boundary=b_\n\n--b\n\na\n--b--\n"), ["0 text/plain \"a\""]);
    assert_eq!(tree("Content-Type: multipart/mixed; boundary=a\n\n--ab\n\na\n--ab--\n"), ["0 text/plain \"a\""]);
    // One that does not name its boundary.
    assert_eq!(
        tree("Content-Type: multipart/mixed\n\n--b\n\na\n--b\n\nb\n--b--\n"),
        ["0 text/plain \"a\"", "1 text/plain \"b\""]
    );
}

#[test]
fn attached_mails_are_files() {
    let mail = "Subject: x\nContent-Type: multipart/mixed; boundary=in\n\n--in\n\na\n--in--\n";
    let source = format!("{MIXED}--out\nContent-Type: message/rfc822\n\n{mail}--out--");
    assert_eq!(tree(&source), [format!("0 message/rfc822 {:?}", mail.trim_end())]);
    let digest = MIXED.replace("mixed", "digest");
    assert_eq!(tree(&format!("{digest}--out\n\nSubject: x\n\ny\n--out--")), ["0 message/rfc822 \"Subject: x\\n\\ny\""]);
}

#[test]
fn depth_and_number_are_limited() {
    let deep: String = (0..500).map(|n| format!("Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n")).collect();
    let tree = Tree::read(deep.as_bytes());
    assert!(tree.parts.len() <= limits::NESTING + 2 && tree.parts.iter().any(|part| part.too_deep));
    let many = format!("{MIXED}{}", "--out\nContent-Type: application/x\n\n".repeat(limits::PARTS + 10));
    let tree = Tree::read(many.as_bytes());
    assert!(tree.too_many && tree.parts.len() == limits::PARTS);
    let small = format!("{MIXED}{}", "--out\n\n".repeat(limits::PARTS + 10));
    let tree = Tree::read(small.as_bytes());
    assert!(tree.too_many && tree.parts.len() == limits::parts(small.len()));
}

#[test]
fn paths_are_found_as_they_are_written_only() {
    let source = format!("{MIXED}--out\n\na\n--out\n\nb\n--out--");
    let tree = Tree::read(source.as_bytes());
    for absent in ["", "2", "00", "+1", "1.0", "0.0", "-1", "x", "1."] {
        assert_eq!(tree.find(absent), None, "{absent}");
    }
    assert_eq!(Tree::read(b"x").find("0"), Some(0));
    assert_eq!(Tree::read(b"x").find("1"), None);
}

#[test]
fn a_long_header_is_not_read_again_for_every_part_below_it() {
    let parts = "--b\nContent-Type: application/pdf\n\nx\n".repeat(2_000);
    let cost = |lines: usize| {
        let header: String = (0..lines).map(|n| format!("X-{n}: {}\n", "y".repeat(180))).collect();
        let source = format!("{header}Content-Type: multipart/mixed; boundary=b\n\n{parts}");
        let begin = std::time::Instant::now();
        let tree = Tree::read(source.as_bytes());
        assert!((1..tree.parts.len()).all(|id| tree.content(id).is("application/pdf")));
        begin.elapsed()
    };
    let (short, long) = (cost(10), cost(4_000));
    assert!(long < short * 20, "{short:?} below a short header, {long:?} below a long one");
}
