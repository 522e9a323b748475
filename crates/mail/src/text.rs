//! Cutting and cleaning of texts.

use memchr::{memchr, memchr_iter};
use postrider_domain::text::truncate;

/// At most `max` bytes, no NULs.
pub(super) fn clean(text: &str, max: usize) -> String {
    let text = truncate(text, max);
    let nuls = memchr_iter(0, text.as_bytes()).count();
    if nuls == 0 {
        return text.to_owned();
    }
    // A NUL grows from one byte to three: cut again.
    let mut clean = String::with_capacity(text.len() + 2 * nuls);
    for (at, piece) in text.split('\0').enumerate() {
        if at > 0 {
            clean.push(char::REPLACEMENT_CHARACTER);
        }
        clean.push_str(piece);
    }
    clean.truncate(truncate(&clean, max).len());
    clean
}

/// The same, without a copy where nothing is to be done.
pub(super) fn cleaned(mut text: String, max: usize) -> String {
    if memchr(0, text.as_bytes()).is_some() {
        return clean(&text, max);
    }
    text.truncate(truncate(&text, max).len());
    text
}

/// The same on one line, trimmed; None if nothing is left.
pub(super) fn line(text: &str, max: usize) -> Option<String> {
    let text = clean(text, max);
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let line = line.trim();
    (!line.is_empty()).then(|| line.to_owned())
}
