//! Structures from real mailers: which parts are the mail.

use super::*;

/// Builds a mail from `mixed(plain, alternative(plain, html))`; a part may have `!` for a disposition of attachment, `~` for
/// inline, `*` for a name, `^` for a content id.
fn build(shape: &str) -> String {
    let mut number = 0;
    let mut rest = shape;
    part(&mut rest, &mut number)
}

fn part(rest: &mut &str, number: &mut usize) -> String {
    let end = rest.find(['(', ')', ',']).unwrap_or(rest.len());
    let (word, after) = rest.split_at(end);
    let kind = word.trim().trim_end_matches(['!', '~', '*', '^']);
    *rest = after;
    let mut header = String::new();
    if word.contains('!') {
        header.push_str("Content-Disposition: attachment\n");
    } else if word.contains('~') {
        header.push_str("Content-Disposition: inline\n");
    }
    if word.contains('^') {
        header.push_str("Content-ID: <root>\n");
    }
    if !after.starts_with('(') {
        let media = match kind {
            "plain" | "html" | "calendar" | "enriched" | "csv" => format!("text/{kind}"),
            "gif" => "image/gif".to_owned(),
            "mail" => "message/rfc822".to_owned(),
            other => format!("application/{other}"),
        };
        let name = if word.contains('*') { "; name=x" } else { "" };
        return format!("Content-Type: {media}{name}\n{header}\n{kind}");
    }
    *number += 1;
    let boundary = format!("b{number}");
    let params = if word.contains('^') { "; start=\"<root>\"" } else { "" };
    let mut body = format!("Content-Type: multipart/{kind}; boundary={boundary}{params}\n\n");
    while !rest.starts_with(')') {
        *rest = rest.get(1..).unwrap();
        body.push_str(&format!("--{boundary}\n{}\n", part(rest, number)));
    }
    *rest = rest.get(1..).unwrap();
    format!("{body}--{boundary}--\n")
}

fn selected(shape: &str) -> [String; 3] {
    let source = build(shape);
    let tree = Tree::read(source.as_bytes());
    let selection = select(&tree);
    let paths = |ids: &[usize]| ids.iter().map(|id| tree.path(*id)).collect::<Vec<_>>().join(" ");
    [paths(&selection.text), paths(&selection.html), paths(&selection.files)]
}

#[test]
fn the_mail_and_its_files() {
    for (shape, text, html, files) in [
        ("plain", "0", "", ""),
        ("html", "0", "0", ""),
        ("pdf", "", "", "0"),
        ("plain!", "", "", "0"),
        ("plain*", "0", "", ""),
        ("enriched", "0", "", ""),
        ("csv", "", "", "0"),
        ("calendar", "", "", "0"),
        ("mixed(plain,pdf)", "0", "", "1"),
        ("mixed(plain,plain)", "0 1", "", ""),
        ("mixed(plain,html)", "0 1", "0 1", ""),
        ("mixed(plain,plain*)", "0", "", "1"),
        ("mixed(plain,plain!)", "0", "", "1"),
        ("mixed(plain,pdf,plain)", "0 2", "", "1"),
        ("mixed(gif!,html~*)", "1", "1", "0"),
        ("mixed(gif,plain*)", "1", "", "0"),
        ("mixed(pdf,enriched)", "1", "", "0"),
        ("mixed(plain~*,pdf)", "0", "", "1"),
        ("alternative(plain,html)", "0", "1", ""),
        ("alternative(html,plain)", "1", "0", ""),
        ("alternative(plain*,html*)", "0", "1", ""),
        ("alternative(html)", "0", "0", ""),
        ("alternative(plain,html,calendar)", "0", "1", "2"),
        ("alternative(plain,enriched)", "0", "", "1"),
        ("alternative(plain,mixed(html,pdf,html))", "0", "1.0 1.2", "1.1"),
        ("alternative(plain,related(html,gif))", "0", "1.0", "1.1"),
        ("related(html,gif)", "0", "0", "1"),
        ("related(gif,html)", "1", "1", "0"),
        ("related^(gif,html,html^)", "2", "2", "0 1"),
        ("related(alternative(plain,html),gif)", "0.0", "0.1", "1"),
        ("related(gif,alternative(plain,html))", "1.0", "1.1", "0"),
        ("related(html,plain)", "0", "0", "1"),
        ("related(mixed(alternative(plain,html),pdf),gif)", "0.0.0", "0.0.1", "0.1 1"),
        ("mixed(related(alternative(plain,html),gif),pdf)", "0.0.0", "0.0.1", "0.1 1"),
        ("mixed(alternative(plain,related(html,gif)),pdf,plain)", "0.0 2", "0.1.0 2", "0.1.1 1"),
        ("signed(mixed(plain,pdf),pgp-signature)", "0.0", "", "0.1 1"),
        ("encrypted(pgp-encrypted,octet-stream)", "", "", "0 1"),
        ("report(plain,delivery-status,mail)", "0", "", "1 2"),
        ("digest(mail,mail)", "", "", "0 1"),
    ] {
        assert_eq!(selected(shape), [text, html, files], "{shape}");
    }
}
