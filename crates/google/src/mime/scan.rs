//! A look over the source before it is parsed: whether it is safe to take apart, and where its headers end.

use super::limits;

/// What the look found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Scan {
    /// Length of the header block, with the empty line.
    pub(super) header_block: usize,
    /// Whether the parts can be taken apart at a bounded cost.
    pub(super) simple: bool,
}

/// Counts lines, and lines that may begin a part: every part of a mail needs a boundary line or a `Content-Type`.
/// A parser that is handed millions of them takes gigabytes, and nested ones the square of their number in time.
pub(super) fn scan(raw: &[u8]) -> Scan {
    let (mut lines, mut part_lines, mut offset) = (0_usize, 0_usize, 0_usize);
    let mut header_block = None;
    for line in raw.split_inclusive(|byte| *byte == b'\n') {
        lines += 1;
        let begins = |prefix: &[u8]| line.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix));
        part_lines += usize::from(begins(b"--") || begins(b"content-type"));
        offset += line.len();
        if header_block.is_none() && matches!(line, b"\n" | b"\r\n") {
            header_block = Some(offset);
        }
    }
    let work = part_lines.saturating_mul(raw.len());
    let simple = lines <= limits::LINES && part_lines <= limits::PART_LINES && work <= limits::PART_WORK;
    Scan { header_block: header_block.unwrap_or(raw.len()), simple }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_end_of_the_headers() {
        assert_eq!(scan(b"A: b\r\n\r\nbody").header_block, 8);
        assert_eq!(scan(b"A: b\n\nbody").header_block, 6);
        assert_eq!(scan(b"A: b").header_block, 4);
        assert_eq!(scan(b"").header_block, 0);
    }

    #[test]
    fn refuses_to_take_bombs_apart() {
        assert!(scan(&b"--b\r\n".repeat(limits::PART_LINES)).simple);
        assert!(!scan(&b"--b\r\n".repeat(limits::PART_LINES + 1)).simple);
        assert!(!scan(&b"CONTENT-type: message/rfc822\r\n\r\n".repeat(limits::PART_LINES + 1)).simple);
        assert!(!scan(&b"\n".repeat(limits::LINES + 1)).simple);
    }
}
