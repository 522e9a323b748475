//! A look over the source before it is parsed: whether it is safe to take apart, and where its headers end.

use memchr::memchr_iter;

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
    let (mut lines, mut part_lines, mut start) = (0_usize, 0_usize, 0_usize);
    let mut header_block = None;
    // Every mail is looked over: memchr finds line ends many bytes at a time.
    for end in memchr_iter(b'\n', raw).map(|at| at + 1).chain([raw.len()]) {
        let Some(line) = raw.get(start..end).filter(|line| !line.is_empty()) else { continue };
        lines += 1;
        part_lines += usize::from(may_begin_part(line));
        start = end;
        if header_block.is_none() && matches!(line, b"\n" | b"\r\n") {
            header_block = Some(end);
        }
    }
    let work = part_lines.saturating_mul(raw.len());
    let simple = lines <= limits::LINES && part_lines <= limits::PART_LINES && work <= limits::PART_WORK;
    Scan { header_block: header_block.unwrap_or(raw.len()), simple }
}

fn may_begin_part(line: &[u8]) -> bool {
    const NAME: &[u8] = b"content-type";
    match line.first() {
        Some(b'-') => line.starts_with(b"--"),
        Some(b'c' | b'C') => line.get(..NAME.len()).is_some_and(|head| head.eq_ignore_ascii_case(NAME)),
        _ => false,
    }
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
