//! All headers of a mail, as they are shown.

use super::block::Block;
use super::words;
use crate::limits;
use crate::mail::{Note, ParsedMail};
use crate::text::clean;

/// One header line: its name as written, its value unfolded and decoded (RFC 2047).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    pub name: String,
    pub value: String,
}

/// Reads the header lines into `mail`, up to the limits. `fallback` is the charset of raw bytes.
pub(crate) fn read(block: &Block<'_>, fallback: Option<&str>, mail: &mut ParsedMail) {
    let mut budget = limits::HEADER_BYTES;
    for field in &block.fields {
        let name = clean(&String::from_utf8_lossy(field.name), limits::MESSAGE_ID);
        // No encoding makes a value more than four times shorter.
        let raw = field.value.get(..limits::HEADER_VALUE * 4).unwrap_or(field.value);
        let value = words::decode(raw, fallback);
        let cut = clean(&value, limits::HEADER_VALUE.min(budget));
        if raw.len() < field.value.len() || cut.len() < value.len() && !value.contains('\0') {
            mail.note(Note::HeadersCut);
        }
        if mail.headers.len() >= limits::HEADERS || budget <= name.len() + cut.len() {
            mail.note(Note::HeadersCut);
            return;
        }
        budget -= name.len() + cut.len();
        mail.headers.push(Header { name, value: cut });
    }
    if block.cut {
        mail.note(Note::HeadersCut);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_header_is_told_as_text_also_those_with_a_structure() {
        let block = b"From: =?utf-8?q?J=C3=B6rg?= <joerg@example.com>\r\nTo: a@example.com,\r\n b@example.com\r\n\
            Message-ID: <1@example.com>\r\nDate: Mon, 1 Jun 2026 10:00:00 +0200\r\nSubject: =?utf-8?b?w7xiZXI=?=\r\n\
            Content-Type: text/plain; charset=utf-8\r\nX-Own: yes\r\n";
        let mut mail = ParsedMail::default();
        read(&Block::read(block), None, &mut mail);
        let read: Vec<_> = mail.headers.iter().map(|header| (header.name.as_str(), header.value.as_str())).collect();
        assert_eq!(
            read,
            [
                ("From", "Jörg <joerg@example.com>"),
                ("To", "a@example.com, b@example.com"),
                ("Message-ID", "<1@example.com>"),
                ("Date", "Mon, 1 Jun 2026 10:00:00 +0200"),
                ("Subject", "über"),
                ("Content-Type", "text/plain; charset=utf-8"),
                ("X-Own", "yes"),
            ]
        );
    }
}
