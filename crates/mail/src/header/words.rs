//! Encoded words (RFC 2047) and raw text in header values.
//!
//! Neighbours are joined before their charset is decoded: mailers cut words inside a character, and inside a quad of base64.

use memchr::memmem;

use crate::decode::{base64, charset};

/// The longest encoded word that is looked for; RFC 2047 allows 75.
const LONGEST: usize = 16 * 1024;

/// A header value on one line, decoded. `fallback` is the charset of raw bytes that are not UTF-8.
pub(crate) fn decode(value: &[u8], fallback: Option<&str>) -> String {
    let value = unfold(value);
    let mut text = String::new();
    let mut rest = value.as_slice();
    let mut run: Option<Run> = None;
    while let Some(at) = memmem::find(rest, b"=?") {
        let (before, here) = rest.split_at_checked(at).unwrap_or((rest, &[]));
        let Some(word) = Word::read(here) else {
            // Not a word: its first byte is text.
            let (plain, after) = rest.split_at_checked(at + 2).unwrap_or((rest, &[]));
            flush(&mut run, &mut text, plain, fallback);
            rest = after;
            continue;
        };
        // White space between words is not shown.
        if run.is_none() || !before.trim_ascii().is_empty() {
            flush(&mut run, &mut text, before, fallback);
        }
        match run.as_mut().filter(|run| run.charset.eq_ignore_ascii_case(&word.charset)) {
            Some(run) => run.push(&word),
            None => {
                flush(&mut run, &mut text, &[], fallback);
                run = Some(Run::begin(&word));
            }
        }
        rest = here.get(word.length..).unwrap_or_default();
    }
    flush(&mut run, &mut text, rest, fallback);
    text
}

/// Ends a run of words and adds the raw text behind it.
fn flush(run: &mut Option<Run>, text: &mut String, raw: &[u8], fallback: Option<&str>) {
    if let Some(run) = run.take() {
        text.push_str(&run.end());
    }
    if !raw.is_empty() {
        text.push_str(&charset::unlabelled(raw, fallback));
    }
}

/// On one line: a line end with the white space around it becomes one space, as readers show it.
pub(crate) fn unfold(value: &[u8]) -> Vec<u8> {
    let mut line = Vec::with_capacity(value.len());
    for part in value.trim_ascii().split(|byte| matches!(byte, b'\r' | b'\n')) {
        let folded = !line.is_empty();
        let part = if folded { part.trim_ascii_start() } else { part };
        if part.is_empty() {
            continue;
        }
        if folded {
            let kept = line.trim_ascii_end().len();
            line.truncate(kept);
            line.push(b' ');
        }
        line.extend_from_slice(part);
    }
    line
}

/// `=?charset?encoding?text?=`
pub(crate) struct Word<'a> {
    charset: String,
    base64: bool,
    text: &'a [u8],
    /// Of the whole word, in bytes.
    pub(crate) length: usize,
}

impl<'a> Word<'a> {
    /// The word that begins here.
    pub(crate) fn read(bytes: &'a [u8]) -> Option<Self> {
        let inner = bytes.strip_prefix(b"=?")?;
        let mut fields = inner.splitn(3, |byte| *byte == b'?');
        let (charset, encoding, rest) = (fields.next()?, fields.next()?, fields.next()?);
        let base64 = match encoding {
            b"B" | b"b" => true,
            b"Q" | b"q" => false,
            _ => return None,
        };
        if charset.is_empty() || charset.len() > 64 || !charset.iter().all(u8::is_ascii_graphic) {
            return None;
        }
        let text = rest.get(..memmem::find(rest.get(..rest.len().min(LONGEST))?, b"?=")?)?;
        // RFC 2231 §5: a language may follow the charset.
        let charset = charset.split(|byte| *byte == b'*').next().unwrap_or_default();
        let length = inner.len() - rest.len() + text.len() + 4;
        Some(Self { charset: String::from_utf8_lossy(charset).into_owned(), base64, text, length })
    }
}

/// Words of one charset, one after the other.
struct Run {
    charset: String,
    bytes: Vec<u8>,
    /// Base64 that no quad was complete of.
    open: Vec<u8>,
}

impl Run {
    fn begin(word: &Word<'_>) -> Self {
        let mut run = Self { charset: word.charset.clone(), bytes: Vec::new(), open: Vec::new() };
        run.push(word);
        run
    }

    fn push(&mut self, word: &Word<'_>) {
        if !word.base64 {
            self.close();
            quoted(word.text, &mut self.bytes);
            return;
        }
        let text: Vec<u8> = word.text.iter().copied().filter(|byte| base64::is_digit(*byte) || *byte == b'=').collect();
        // A quad that was cut in two, rather than a word whose padding is missing.
        if !(self.open.len() + text.len()).is_multiple_of(4) {
            self.close();
        }
        self.open.extend(text);
        if self.open.contains(&b'=') || self.open.len().is_multiple_of(4) {
            self.close();
        }
    }

    fn close(&mut self) {
        if !self.open.is_empty() {
            self.bytes.extend(base64::decode(&self.open).bytes);
            self.open.clear();
        }
    }

    fn end(mut self) -> String {
        self.close();
        charset::labelled(&self.bytes, &self.charset)
    }
}

/// The Q encoding: `_` is a space; a `=` that begins no pair of digits is itself.
fn quoted(text: &[u8], out: &mut Vec<u8>) {
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match first {
            b'_' => out.push(b' '),
            b'=' => match after.split_at_checked(2).and_then(|(pair, more)| Some((crate::decode::hex(pair)?, more))) {
                Some((byte, more)) => {
                    out.push(byte);
                    rest = more;
                }
                None => out.push(b'='),
            },
            byte => out.push(*byte),
        }
    }
}

#[cfg(test)]
#[path = "words_tests.rs"]
mod tests;
