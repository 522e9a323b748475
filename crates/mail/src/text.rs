//! Cutting and cleaning of texts.

use postrider_domain::text::{truncate, without_nul};

/// At most `max` bytes, no NULs.
pub(super) fn clean(text: &str, max: usize) -> String {
    // A NUL grows from one byte to three: cut again after replacing.
    let mut text = without_nul(truncate(text, max).to_owned());
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
