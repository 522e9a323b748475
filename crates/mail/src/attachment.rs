//! What is known of an attachment without its bytes.

use mail_parser::{ContentType, MessagePart, MimeHeaders, PartType};

use super::text::line;
use super::{filename, limits};

/// One attachment. Its bytes are in the mail's source: [`super::attachment_bytes`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// Where the part stands, as `1.0`; stable for a mail's source. Gmail's attachment ids change between gets.
    pub part_id: String,
    /// Safe to show and to save under; made up where the mail gives none. Not unique in a mail.
    pub filename: String,
    /// Lower case, without parameters; as the mail claims.
    pub content_type: String,
    /// Size of the decoded bytes; for an attached mail that of its source.
    pub size: u64,
    /// Without angle brackets; what `cid:` in the HTML refers to.
    pub content_id: Option<String>,
    /// Meant to be shown within the text rather than as a file.
    pub inline: bool,
}

/// Reads a part's metadata.
pub(super) fn describe(part: &MessagePart<'_>, part_id: String) -> Attachment {
    let content_type = part.content_type().and_then(media_type).unwrap_or_else(|| default_type(part).to_owned());
    let named = part.attachment_name().and_then(filename::clean);
    let filename = named.unwrap_or_else(|| filename::fallback(&content_type).to_owned());
    let content_id = part.content_id().and_then(|id| line(id.trim_matches(['<', '>', ' ']), limits::MESSAGE_ID));
    let disposition = part.content_disposition();
    let inline = disposition.is_some_and(ContentType::is_inline)
        || content_id.is_some() && !disposition.is_some_and(ContentType::is_attachment);
    Attachment { part_id, filename, content_type, size: size(part), content_id, inline }
}

/// `type/subtype` if it looks like one (RFC 6838 §4.2).
fn media_type(header: &ContentType<'_>) -> Option<String> {
    let token = |text: &str| {
        let good = |c: char| c.is_ascii_alphanumeric() || "!#$&-^_.+".contains(c);
        !text.is_empty() && text.len() <= 127 && text.chars().all(good)
    };
    let (kind, subtype) = (header.ctype(), header.subtype()?);
    (token(kind) && token(subtype)).then(|| format!("{kind}/{subtype}").to_ascii_lowercase())
}

fn default_type(part: &MessagePart<'_>) -> &'static str {
    match part.body {
        PartType::Text(_) => "text/plain",
        PartType::Html(_) => "text/html",
        PartType::Message(_) => "message/rfc822",
        _ => "application/octet-stream",
    }
}

fn size(part: &MessagePart<'_>) -> u64 {
    let size = match &part.body {
        PartType::Text(text) | PartType::Html(text) => text.len(),
        PartType::Binary(bytes) | PartType::InlineBinary(bytes) => bytes.len(),
        PartType::Message(_) | PartType::Multipart(_) => {
            return u64::from(part.offset_end.saturating_sub(part.offset_body));
        }
    };
    u64::try_from(size).unwrap_or(u64::MAX)
}
