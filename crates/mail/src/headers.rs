//! Headers, decoded.

use mail_parser::{HeaderName, HeaderValue, MessageParser};

use super::limits;
use super::mail::{Note, ParsedMail};
use super::text::clean;

/// One header line: its name as written, its value unfolded and decoded (RFC 2047).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    pub name: String,
    pub value: String,
}

/// Reads the header block into `mail`.
pub(super) fn read(block: &[u8], mail: &mut ParsedMail) {
    // Every header as text, also those that are structured elsewhere. The default only counts for a parser that was told of
    // some header: one that was told of none parses each in its own way.
    let parser = MessageParser::new().header_text(HeaderName::Subject).default_header_text();
    let Some(message) = parser.parse_headers(block) else {
        return;
    };
    let Some(root) = message.parts.first() else {
        return;
    };
    let mut budget = limits::HEADER_BYTES;
    for header in &root.headers {
        let value = match &header.value {
            HeaderValue::Text(text) => text.as_ref(),
            _ => "",
        };
        let name = clean(header.name.as_str(), limits::MESSAGE_ID);
        let cut = clean(value, limits::HEADER_VALUE.min(budget));
        if cut.len() < value.len() && !value.contains('\0') {
            mail.note(Note::HeadersCut);
        }
        if mail.headers.len() >= limits::HEADERS || budget <= name.len() + cut.len() {
            mail.note(Note::HeadersCut);
            return;
        }
        budget -= name.len() + cut.len();
        mail.headers.push(Header { name, value: cut });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_header_is_told_as_text_also_those_with_a_structure() {
        let block = b"From: =?utf-8?q?J=C3=B6rg?= <joerg@example.com>\r\nTo: a@example.com,\r\n b@example.com\r\n\
            Message-ID: <1@example.com>\r\nDate: Mon, 1 Jun 2026 10:00:00 +0200\r\nSubject: =?utf-8?b?w7xiZXI=?=\r\n\
            Content-Type: text/plain; charset=utf-8\r\nX-Own: yes\r\n\r\n";
        let mut mail = ParsedMail::default();
        read(block, &mut mail);
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
