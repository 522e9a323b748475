//! Boundary lines (RFC 2046 §5.1.1): at the beginning of a line, nothing but white space behind.

use crate::header::block::line_end;

/// What a line is to the multiparts that are open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Line {
    /// Begins a part of the multipart at this place in the list.
    Begins(usize),
    /// Ends the multipart at this place.
    Ends(usize),
    Other,
}

/// Looks a line up; the innermost multipart counts first, an outer one ends all within it.
pub(crate) fn look<B: AsRef<[u8]>>(line: &[u8], open: &[B]) -> Line {
    let Some(text) = line.strip_prefix(b"--") else { return Line::Other };
    let text = text.trim_ascii_end();
    let find = |text: &[u8]| open.iter().rposition(|boundary| boundary.as_ref() == text);
    if let Some(at) = find(text) {
        return Line::Begins(at);
    }
    match text.strip_suffix(b"--").and_then(find) {
        Some(at) => Line::Ends(at),
        None => Line::Other,
    }
}

/// The boundary of a multipart that does not name it: its first line that begins with `--`, if a header or an empty line
/// follows.
pub(crate) fn guess(body: &[u8]) -> Option<Vec<u8>> {
    let at = if body.starts_with(b"--") { 0 } else { memchr::memmem::find(body, b"\n--")? + 1 };
    let end = line_end(body, at);
    let boundary = body.get(at + 2..end)?.trim_ascii_end();
    let next = body.get(end..line_end(body, end))?;
    let header = next.trim_ascii().is_empty() || next.to_ascii_lowercase().starts_with(b"content-");
    (!boundary.is_empty() && boundary.len() <= 200 && header).then(|| boundary.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_boundary_is_a_whole_line() {
        let open = ["outer", "inner", "inner--"];
        for (line, expected) in [
            ("--outer\r\n", Line::Begins(0)),
            ("--outer--\r\n", Line::Ends(0)),
            ("--inner \t\n", Line::Begins(1)),
            ("--inner--", Line::Begins(2)),
            ("--inner----", Line::Ends(2)),
            ("--inner-", Line::Other),
            ("--innermost", Line::Other),
            ("--inner and more", Line::Other),
            ("> --inner", Line::Other),
            (" --inner", Line::Other),
            ("inner", Line::Other),
            ("--", Line::Other),
        ] {
            assert_eq!(look(line.as_bytes(), &open), expected, "{line}");
        }
    }

    #[test]
    fn an_unnamed_boundary_is_guessed() {
        assert_eq!(guess(b"preamble\n--x y\nContent-Type: text/plain\n\na\n").as_deref(), Some(&b"x y"[..]));
        assert_eq!(guess(b"--x\r\n\r\na").as_deref(), Some(&b"x"[..]));
        assert_eq!(guess(b"a list:\n-- one\nof words"), None);
        assert_eq!(guess(b"no boundary"), None);
    }
}
