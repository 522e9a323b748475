//! Where a header begins and ends, and its lines.
//!
//! Honest headers end at an empty line. Others lack it, begin after a byte order mark, an empty line or an mbox's `From `,
//! hold a line that a mailer wrapped without the white space, or are cut by a boundary.

use memchr::memchr;

use crate::limits;

/// A line of a header as it stands in the source: the value still folded and encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Field<'a> {
    pub(crate) name: &'a [u8],
    pub(crate) value: &'a [u8],
}

/// The lines of one header.
#[derive(Debug, Default)]
pub(crate) struct Block<'a> {
    pub(crate) fields: Vec<Field<'a>>,
    /// Whether lines were left out.
    pub(crate) cut: bool,
}

impl<'a> Block<'a> {
    /// The lines in `header`.
    pub(crate) fn read(header: &'a [u8]) -> Self {
        let mut block = Self::default();
        let mut at = 0;
        while at < header.len() {
            let start = at;
            at = line_end(header, at);
            while continues(header, at) {
                at = line_end(header, at);
            }
            let Some((name, value)) = header.get(start..at).and_then(split) else { continue };
            if block.fields.len() >= limits::FIELDS || start > limits::HEADER_BLOCK {
                block.cut = true;
                break;
            }
            block.fields.push(Field { name, value: end_trimmed(value) });
        }
        block
    }

    /// The values of all lines of this name, in order.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        let named = move |field: &&Field<'a>| field.name.eq_ignore_ascii_case(name.as_bytes());
        self.fields.iter().filter(named).map(|field| field.value)
    }

    /// The first of them: what Gmail shows where a header stands twice.
    pub(crate) fn first(&self, name: &str) -> Option<&'a [u8]> {
        self.all(name).next()
    }
}

/// Where the header of a mail begins: behind a byte order mark, empty lines, and the line an mbox puts before a mail.
pub(crate) fn start(source: &[u8]) -> usize {
    let mut at = if source.starts_with(b"\xEF\xBB\xBF") { 3 } else { 0 };
    let first = at;
    while at < source.len() && at < limits::HEADER_BLOCK && end_trimmed(line(source, at)).is_empty() {
        at = line_end(source, at);
    }
    let from = line(source, at);
    if from.starts_with(b"From ") || from.starts_with(b">From ") {
        at = line_end(source, at);
    }
    // Empty lines before something that is no header are an empty header.
    if split(line(source, at)).is_some() { at } else { first }
}

/// Where the header that begins at `start` ends, and where what it heads begins. `ends` tells lines that end it without an
/// empty line (boundaries).
pub(crate) fn extent(source: &[u8], start: usize, ends: impl Fn(&[u8]) -> bool) -> (usize, usize) {
    let mut at = start;
    while at < source.len() {
        let line = line(source, at);
        if end_trimmed(line).is_empty() {
            return (at, at + line.len());
        }
        if line.starts_with(b"--") && ends(line) {
            return (at, at);
        }
        let folded = at > start && line.first().is_some_and(|byte| matches!(byte, b' ' | b'\t'));
        if !folded && split(line).is_none() && !goes_on(source, at + line.len(), start == at) {
            return (at, at);
        }
        at += line.len();
    }
    (at, at)
}

/// Whether a header goes on behind a line that is none: a value that was wrapped without the white space.
fn goes_on(source: &[u8], next: usize, first: bool) -> bool {
    !first && split(line(source, next)).is_some()
}

/// Whether the line at `at` belongs to the one before: it is folded, or it is no header.
fn continues(header: &[u8], at: usize) -> bool {
    match header.get(at) {
        None => false,
        Some(b' ' | b'\t') => true,
        Some(_) => split(line(header, at)).is_none(),
    }
}

/// `Name: value`, folded as it is.
fn split(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = memchr(b':', line)?;
    let name = line.get(..colon)?.trim_ascii_end();
    let good = !name.is_empty() && name.iter().all(u8::is_ascii_graphic);
    good.then(|| (name, line.get(colon + 1..).unwrap_or_default()))
}

/// The line at `at`, with its end.
fn line(source: &[u8], at: usize) -> &[u8] {
    source.get(at..line_end(source, at)).unwrap_or_default()
}

/// Where the line at `at` ends, behind its line feed.
pub(crate) fn line_end(source: &[u8], at: usize) -> usize {
    let rest = source.get(at..).unwrap_or_default();
    memchr(b'\n', rest).map_or(source.len(), |feed| at + feed + 1)
}

/// Without the line's end.
pub(crate) fn end_trimmed(line: &[u8]) -> &[u8] {
    let end = line.iter().rposition(|byte| !matches!(byte, b'\r' | b'\n')).map_or(0, |at| at + 1);
    line.get(..end).unwrap_or_default()
}

#[cfg(test)]
#[path = "block_tests.rs"]
mod tests;
