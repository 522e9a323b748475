//! What a part's header says it is.

use crate::decode::transfer::Encoding;
use crate::header::block::Block;
use crate::header::{ids, params::Params};

/// How a part asks to be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Disposition {
    Inline,
    Attachment,
    /// Not said, or a word nobody knows.
    Unsaid,
}

/// A part's header, read.
#[derive(Debug, Clone)]
pub(crate) struct Content {
    /// `type/subtype`, lower case.
    pub(crate) media_type: String,
    pub(crate) params: Params,
    pub(crate) disposition: Disposition,
    disposition_params: Params,
    pub(crate) encoding: Encoding,
    /// Without brackets.
    pub(crate) id: Option<String>,
}

impl Content {
    /// Reads the header of a part; `default` is its type where it names none.
    pub(crate) fn read(header: &[u8], default: &str) -> Self {
        let block = Block::read(header);
        let params = block.first("content-type").map(Params::read).unwrap_or_default();
        let disposition = block.first("content-disposition").map(Params::read).unwrap_or_default();
        let encoding = block.first("content-transfer-encoding").map(Params::read).unwrap_or_default();
        Self {
            media_type: media_type(&params.value).unwrap_or(default).to_owned(),
            disposition: match disposition.value.as_str() {
                "inline" => Disposition::Inline,
                "attachment" => Disposition::Attachment,
                _ => Disposition::Unsaid,
            },
            encoding: Encoding::read(&encoding.value),
            id: block.first("content-id").and_then(ids::first),
            params,
            disposition_params: disposition,
        }
    }

    /// The file's name as the mail gives it.
    pub(crate) fn filename(&self) -> Option<String> {
        let names = [self.disposition_params.get("filename"), self.params.get("name")];
        let other = [self.disposition_params.get("name"), self.params.get("filename")];
        names.into_iter().chain(other).flatten().find(|name| !name.trim().is_empty())
    }

    pub(crate) fn charset(&self) -> Option<String> {
        self.params.get("charset")
    }

    pub(crate) fn is(&self, media_type: &str) -> bool {
        self.media_type == media_type
    }

    pub(crate) fn is_multipart(&self) -> bool {
        self.media_type.starts_with("multipart/")
    }

    /// Text that is shown as it is, or as HTML.
    pub(crate) fn is_readable(&self) -> bool {
        self.is("text/plain") || self.is("text/html")
    }
}

/// `type/subtype` if it looks like one (RFC 6838 §4.2).
fn media_type(value: &str) -> Option<&str> {
    let token = |text: &str| {
        let good = |c: char| c.is_ascii_alphanumeric() || "!#$&-^_.+".contains(c);
        !text.is_empty() && text.len() <= 127 && text.chars().all(good)
    };
    let value = value.split_whitespace().next()?;
    match value.split_once('/') {
        Some((kind, subtype)) => (token(kind) && token(subtype)).then_some(value),
        // RFC 1049 and old mailers.
        None if value == "text" => Some("text/plain"),
        None if value == "html" => Some("text/html"),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(header: &str) -> Content {
        Content::read(header.as_bytes(), "text/plain")
    }

    #[test]
    fn types_are_read_and_doubtful_ones_are_the_default() {
        for (value, expected) in [
            ("Text/HTML; charset=x", "text/html"),
            ("text/html (what a comment) ; charset=x", "text/html"),
            ("text", "text/plain"),
            ("text/html charset=x", "text/html"),
            ("../../etc", "text/plain"),
            ("a/b/c", "text/plain"),
            ("", "text/plain"),
        ] {
            assert_eq!(read(&format!("Content-Type: {value}\n")).media_type, expected, "{value}");
        }
    }

    #[test]
    fn the_first_of_two_headers_counts_and_comments_do_not() {
        let content = read(
            "content-TYPE: image/png (picture); name=a.png\nContent-Type: text/plain\nContent-ID: <x@y> (id)\n\
            Content-Disposition: inline (shown); filename=\"b.png\"\nContent-Transfer-Encoding: base64 (always)\n",
        );
        assert_eq!((content.media_type.as_str(), content.id.as_deref()), ("image/png", Some("x@y")));
        assert_eq!((content.disposition, content.encoding), (Disposition::Inline, Encoding::Base64));
        assert_eq!(content.filename().as_deref(), Some("b.png"));
    }
}
