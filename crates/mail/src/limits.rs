//! What a mail may hold before the rest of it is left out. Generous against real mail, firm against bombs.

/// Header lines kept of a mail.
pub(super) const HEADERS: usize = 500;
/// Bytes of all header values together.
pub(super) const HEADER_BYTES: usize = 256 * 1024;
/// Bytes of one header value.
pub(super) const HEADER_VALUE: usize = 16 * 1024;
/// Bytes of the header block that are looked at. Gmail accepts 550 KB.
pub(super) const HEADER_BLOCK: usize = 1024 * 1024;
/// Addresses of one header.
pub(super) const ADDRESSES: usize = 1_000;
/// References to other mails.
pub(super) const REFERENCES: usize = 200;
/// Bytes of a message id (RFC 5322 lines have at most 998).
pub(super) const MESSAGE_ID: usize = 998;
/// Bytes of a subject or a name.
pub(super) const LINE: usize = 4 * 1024;
/// Bytes of the text body, and of the sanitised HTML.
pub(super) const BODY: usize = 1024 * 1024;
/// Parts that are read as one text.
pub(super) const BODIES: usize = 1_000;
/// Bytes of HTML that is shown: made harmless it grows.
pub(super) const SHOWN: usize = 2 * BODY;
/// How deep elements of HTML may nest: browsers lay nothing out that stands deeper.
pub(super) const HTML_DEPTH: usize = 1_000;
/// Attachments listed.
pub(super) const ATTACHMENTS: usize = 500;
/// How deep parts may nest.
pub(super) const NESTING: usize = 128;
/// Parts kept of a mail.
pub(super) const PARTS: usize = 20_000;
/// Parts kept of a mail of a size: a boundary and a header take more than thirty bytes, a bomb's parts five.
pub(super) fn parts(size: usize) -> usize {
    (1_000 + size / 32).min(PARTS)
}
/// Header lines looked at.
pub(super) const FIELDS: usize = 5_000;
