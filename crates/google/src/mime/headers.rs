//! Headers, decoded.

use mail_parser::{HeaderValue, MessageParser};

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
    // Every header as text, also those that are structured elsewhere.
    let parser = MessageParser::new().default_header_text();
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
