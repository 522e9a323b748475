//! `Content-Disposition` of what strangers named (RFC 6266): always `attachment`, a plain name for all clients and the
//! exact one for those that know it. Whatever the name is, the header stays one header and the name one name.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// `attr-char` of RFC 8187.
const EXACT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');
/// Longest name, in characters.
const LONGEST: usize = 200;

/// The header's value for a file of that name.
pub fn attachment(filename: &str) -> String {
    let name = safe(filename);
    let plain: String = name
        .chars()
        .map(|c| if c.is_ascii_graphic() && !matches!(c, '"' | '%') || c == ' ' { c } else { '_' })
        .collect();
    if plain == name {
        return format!("attachment; filename=\"{plain}\"");
    }
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{}", utf8_percent_encode(&name, EXACT))
}

/// The media type a mail claims, if it is one; else that of any bytes.
pub fn content_type(claimed: &str) -> &str {
    let is_token =
        |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&b));
    match claimed.split_once('/') {
        Some((kind, form)) if is_token(kind) && is_token(form) && claimed.len() <= 127 => claimed,
        _ => "application/octet-stream",
    }
}

/// The last component, without control characters and without dots that hide it or climb.
fn safe(filename: &str) -> String {
    let name = filename.rsplit(['/', '\\']).next().unwrap_or_default();
    let name: String = name.chars().filter(|c| !c.is_control()).take(LONGEST).collect();
    match name.trim_matches(|c: char| c == '.' || c.is_whitespace()) {
        "" => "attachment".to_owned(),
        name => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_told_plainly_and_exactly() {
        for (name, value) in [
            ("report.pdf", "attachment; filename=\"report.pdf\""),
            ("a b.pdf", "attachment; filename=\"a b.pdf\""),
            (
                "Rechnung für Ö.pdf",
                "attachment; filename=\"Rechnung f_r _.pdf\"; filename*=UTF-8''Rechnung%20f%C3%BCr%20%C3%96.pdf",
            ),
            ("../../etc/passwd", "attachment; filename=\"passwd\""),
            ("c:\\x\\y.exe", "attachment; filename=\"y.exe\""),
            ("a\"; x=\"b", "attachment; filename=\"a_; x=_b\"; filename*=UTF-8''a%22%3B%20x%3D%22b"),
            ("a\r\nSet-Cookie: x", "attachment; filename=\"aSet-Cookie: x\""),
            ("..", "attachment; filename=\"attachment\""),
            ("", "attachment; filename=\"attachment\""),
        ] {
            assert_eq!(attachment(name), value, "{name:?}");
        }
    }

    #[test]
    fn only_media_types_are_repeated() {
        for (claimed, sent) in [
            ("image/png", "image/png"),
            ("application/vnd.ms-excel", "application/vnd.ms-excel"),
            ("text/html; charset=x", "application/octet-stream"),
            ("png", "application/octet-stream"),
            ("a/b/c", "application/octet-stream"),
            ("a\r\n/b", "application/octet-stream"),
            ("/", "application/octet-stream"),
        ] {
            assert_eq!(content_type(claimed), sent, "{claimed:?}");
        }
    }

    proptest! {
        #[test]
        fn any_name_makes_one_header_with_one_name(name in any::<String>()) {
            let value = attachment(&name);
            prop_assert!(value.bytes().all(|byte| (0x20..0x7f).contains(&byte)), "{value:?}");
            let quoted = value.split('"').collect::<Vec<_>>();
            prop_assert_eq!(quoted.len(), 3);
            prop_assert!(!quoted[1].contains(['/', '\\']) && !quoted[1].is_empty(), "{:?}", value);
        }
    }
}
